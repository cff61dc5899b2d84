# shellcheck shell=bash
# What a restore needs, asked before anything is stopped: is there such a backup, and does our key open it?
read_target
choose_backup "$PLATFORM_RESTORE_BACKUP" "$until_seconds"
prove_key "$chosen"
say "the key opens it"
