# shellcheck shell=bash
# The k3s release that the rig runs, and how its files are fetched. Source after lib.sh.

K3S_VERSION=v1.36.3+k3s1
# Of the file `k3s`, which is the binary for amd64.
# shellcheck disable=SC2034 # for those who source this
K3S_SHA256=2f98a9f8fe5782479ee2d54e70a1b10a7f6fd4cae8d38ed3098452dc6eed76b5

# fetch_k3s_file NAME PATH: a file of the release. The caller checks its digest.
fetch_k3s_file() {
  log "downloading $1 of k3s $K3S_VERSION"
  curl --proto '=https' --tlsv1.2 --fail --location --silent --show-error --retry 3 --max-time 1200 \
    --output "$2" "https://github.com/k3s-io/k3s/releases/download/${K3S_VERSION/+/%2B}/$1"
}
