#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# As the official image: options alone mean redis-server, root gives its rights up, and other containers may connect.
set -eu

case ${1:-} in
  -* | *.conf) set -- redis-server "$@" ;;
esac
if [ "${1:-}" = redis-server ] && [ "$(id -u)" = 0 ]; then
  find /data ! -user redis -exec chown redis '{}' +
  exec setpriv --reuid=redis --regid=redis --init-groups "$0" "$@"
fi
if [ "${1:-}" = redis-server ]; then
  umask 0077
  case ${2:-} in
    "" | --*)
      # The official image is compiled so.
      shift
      set -- redis-server --protected-mode no "$@"
      ;;
  esac
fi
exec "$@"
