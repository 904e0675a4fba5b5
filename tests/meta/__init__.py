# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules about this repository."""
