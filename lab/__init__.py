# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab: a practice Proxmox whose containers are real, and what they need to be useful without the internet.

See README.md beside this file for what is real and what is a stand-in.
"""
