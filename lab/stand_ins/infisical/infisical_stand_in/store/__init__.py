# SPDX-License-Identifier: GPL-3.0-or-later
"""What is kept in PostgreSQL, by area. Functions take the transaction first and hold the rules; routes only translate."""
