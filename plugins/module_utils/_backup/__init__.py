# Copyright: (c) 2026, The omakase.homelab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Backs up an Infisical that runs under Docker Compose, and brings it back. Standard library only: the role
infisical_backup installs this package as the program `infisical-backup`, which works without Ansible.
"""
