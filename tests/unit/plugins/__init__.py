# SPDX-License-Identifier: GPL-3.0-or-later
"""One folder for each kind of plugin."""
