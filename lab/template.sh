# SPDX-License-Identifier: GPL-3.0-or-later
# Run by mmdebstrap with the new root file system as $1: makes of a plain Debian what a Proxmox template is.
set -eu
root=$1

# Each container makes its own SSH host keys at its first boot.
rm -f "$root"/etc/ssh/ssh_host_*
cat >"$root/etc/systemd/system/ssh-host-keys.service" <<'UNIT'
[Unit]
Description=Make the SSH host keys of this container
ConditionPathExists=!/etc/ssh/ssh_host_ed25519_key
Before=ssh.service

[Service]
Type=oneshot
ExecStart=/usr/bin/ssh-keygen -A

[Install]
RequiredBy=ssh.service
UNIT
chroot "$root" systemctl --quiet enable ssh-host-keys.service ssh.service

# Cannot work in an unprivileged container, and would leave the system "degraded".
chroot "$root" systemctl --quiet mask systemd-modules-load.service sys-kernel-debug.mount
# Nothing upgrades by itself in a practice machine.
chroot "$root" systemctl --quiet mask apt-daily.timer apt-daily-upgrade.timer

echo LANG=C.UTF-8 >"$root/etc/default/locale"
: >"$root/etc/machine-id"
# The building host's own; each container gets its own when it is made.
rm -f "$root/etc/hostname" "$root/etc/resolv.conf" "$root"/etc/apt/sources.list "$root"/etc/apt/apt.conf.d/99mmdebstrap
