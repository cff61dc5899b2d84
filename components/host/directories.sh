# Volumes lie outside of k3s' own directories, so that no uninstall can reach them.
ensure_directories() {
  ensure_dir "$STATE_DIR" 711
  ensure_dir "$STATE_DIR/upload" 700 "$LOGIN_USER"
  ensure_dir "$DATA_DIRECTORY" 711
  ensure_dir "$DATA_DIRECTORY/volumes" 700
}
