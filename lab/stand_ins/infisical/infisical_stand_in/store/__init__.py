# SPDX-License-Identifier: GPL-3.0-or-later
"""What is kept in PostgreSQL, by area. Here are the rules; routes only translate."""
