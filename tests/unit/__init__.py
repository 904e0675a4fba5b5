# SPDX-License-Identifier: GPL-3.0-or-later
"""Plugins alone: no network, no process, no lab."""
