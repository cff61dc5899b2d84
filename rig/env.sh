#!/usr/bin/env bash
# env.sh WORKDIR COMMAND...: runs COMMAND with the rig's node, pulumi and plugins first on PATH, and with the
# Pulumi state, home and passphrase of WORKDIR, which it makes when missing.
# The plugins of the rig join PATH only when the official ones cannot be had (rig/source.sh). Official ones are
# fetched by the engine itself, in the versions that package-lock.json gives their packages; work directories share them.
set -euo pipefail
# shellcheck source=rig/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

(($# >= 2)) || die "usage: env.sh WORKDIR COMMAND..."
work=$(realpath -m "$1")
shift

umask 077
mkdir -p "$work/state" "$work/pulumi-home"
[[ -s $work/passphrase ]] || head -c 32 /dev/urandom | base64 -w 0 >"$work/passphrase"

node_bin=$("$RIG_DIR/node.sh")
pulumi_bin=$("$RIG_DIR/pulumi.sh")
path=$node_bin:$pulumi_bin
case $("$RIG_DIR/source.sh") in
  built)
    path=$path:$("$RIG_DIR/plugins.sh")
    export PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION=true
    ;;
  official)
    export PULUMI_IGNORE_AMBIENT_PLUGINS=true
    # Pulumi installs under a lock beside each plugin, so engines may share the directory.
    mkdir -p "$(rig_cache pulumi-plugins)"
    [[ -d $work/pulumi-home/plugins ]] || ln -sfnT "$(rig_cache pulumi-plugins)" "$work/pulumi-home/plugins"
    ;;
esac
umask 022

export PATH=$path:$PATH
export PULUMI_HOME=$work/pulumi-home
export PULUMI_BACKEND_URL=file://$work/state
export PULUMI_CONFIG_PASSPHRASE_FILE=$work/passphrase
export PULUMI_SKIP_UPDATE_CHECK=true
export PULUMI_DISABLE_REGISTRY_RESOLVE=true
export PULUMI_SUPPRESS_NEO_LINK=true
export PULUMI_DIY_BACKEND_NO_LEGACY_WARNING=true
# Node keeps compiled modules here, checked by content and version: the program starts in about two thirds of the time.
NODE_COMPILE_CACHE=${NODE_COMPILE_CACHE:-$(rig_cache node)}
export NODE_COMPILE_CACHE
export PULUMI_PARALLEL=${PULUMI_PARALLEL:-32}
unset PULUMI_CONFIG_PASSPHRASE
exec "$@"
