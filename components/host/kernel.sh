# Kernel modules and settings. With protect-kernel-defaults the kubelet exits when a setting differs.

feature_is_there() { # MODULE, judged by its effect: it may be built in, and then no tool lists it
  case $1 in
    overlay) grep -qw overlay /proc/filesystems ;;
    br_netfilter) [ -e /proc/sys/net/bridge/bridge-nf-call-iptables ] ;;
    *) [ -d "/sys/module/$1" ] ;;
  esac
}

features_are_there() {
  local module
  for module in "${MODULES[@]}"; do feature_is_there "$module" || return 1; done
}

load_modules() {
  local module
  for module in "${MODULES[@]}"; do
    feature_is_there "$module" || modprobe "$module" || die 23 "kernel module $module cannot be loaded; install the distribution's full kernel and reboot"
  done
}

settings_hold() {
  local setting key value
  for setting in "${SETTINGS[@]}"; do
    key=${setting%%=*}
    value=${setting#*=}
    [ "$(cat "/proc/sys/${key//.//}" 2>/dev/null || true)" = "$value" ] || return 1
  done
}

apply_settings() { sysctl -q -p /etc/sysctl.d/90-kubelet.conf; }

ensure_kernel() {
  kernel_files
  ensure 23 "kernel modules ${MODULES[*]}" features_are_there load_modules
  ensure 23 "kernel settings of /etc/sysctl.d/90-kubelet.conf" settings_hold apply_settings
}
