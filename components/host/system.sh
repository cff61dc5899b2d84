# Time, swap and the name of the host.

time_service_runs() { systemctl -q is-enabled chrony && systemctl -q is-active chrony; }
start_time_service() { systemctl enable --now chrony; }
time_is_synchronized() { [ "$(timedatectl show -p NTPSynchronized --value)" = yes ]; }

ensure_time() {
  if [ "$TIME_SYNC" = skip ]; then return 0; fi
  ensure 22 "time service chrony" time_service_runs start_time_service
  if time_is_synchronized; then return 0; fi
  if probing; then
    drift "the clock is not synchronized"
    return 0
  fi
  wait_for "$TIME_DEADLINE" "the clock to be synchronized by NTP" time_is_synchronized || {
    chronyc -n sources >&2 || true
    die 22 "host.timeSync: the clock is not synchronized after $TIME_DEADLINE s; let the host reach an NTP server (udp 123), or set it to skip where another service keeps the time"
  }
}

swap_is_off() {
  [ -z "$(swapon --show --noheadings)" ] && ! grep -qsE '^[^#[:space:]]\S*\s+\S+\s+swap\s' /etc/fstab
}

turn_swap_off() {
  swapoff -a
  install_file /etc/fstab 644 < <(sed -E 's/^([^#[:space:]]\S*\s+\S+\s+swap\s)/# off, the platform runs without swap: \1/' /etc/fstab)
}

ensure_swap() {
  if [ "$SWAP" = keep ]; then return 0; fi
  ensure 20 "swap is off" swap_is_off turn_swap_off
}

name_is_set() {
  [ "$(cat /proc/sys/kernel/hostname)" = "$HOSTNAME_WANTED" ] && [ "$(cat /etc/hostname 2>/dev/null)" = "$HOSTNAME_WANTED" ]
}

set_name() {
  install_file /etc/hostname 644 <<<"$HOSTNAME_WANTED"
  hostname "$HOSTNAME_WANTED"
}

# Names resolve without DNS, or sudo and the kubelet wait for it at every start.
host_is_known() { grep -qsxF "127.0.1.1 $HOSTNAME_WANTED" /etc/hosts; }

write_hosts() {
  install_file /etc/hosts 644 < <(
    sed '/^127\.0\.1\.1[[:space:]]/d' /etc/hosts
    printf '127.0.1.1 %s\n' "$HOSTNAME_WANTED"
  )
}

ensure_name() {
  if [ -d /etc/cloud ]; then keep_name_from_cloud_init; fi
  ensure 20 "host name $HOSTNAME_WANTED" name_is_set set_name
  ensure 20 "host name in /etc/hosts" host_is_known write_hosts
}
