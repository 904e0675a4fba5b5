# SPDX-License-Identifier: GPL-3.0-or-later
"""A stand-in for the Infisical server: its HTTP API on a real PostgreSQL and a real Redis. Not Infisical."""
