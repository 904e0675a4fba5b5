# SPDX-License-Identifier: GPL-3.0-or-later
"""The HTTP routes, one module an area; each has an `area`."""
