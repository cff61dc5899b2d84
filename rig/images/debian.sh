# shellcheck shell=bash
# Root file systems from Debian packages: apt resolves and checks, nothing is installed on this machine.
# Source after lib.sh. State held: `images-debs/<key>` in the cache, the packages of one list. Their
# versions are those of the day they were fetched; remove the directory to fetch again.

# debian_packages SUITE PACKAGES [LEFT_OUT]: prints the directory that holds the .debs of PACKAGES (words)
# and of what they depend on, less those whose names match LEFT_OUT (extended regular expression, whole
# name), and packages.json with the versions.
# Only what decides on the packages is in the key, so that other changes here fetch nothing again.
debian_packages() {
  build_once images-debs "$(input_key "text:$* $(declare -f fetch_packages make_apt)")" fetch_packages "$@"
}

fetch_packages() {
  local out=$1 suite=$2 packages=$3 left_out=${4:-} wanted
  make_apt "$out/.apt" "$suite"
  apt-get -qq update
  # shellcheck disable=SC2086 # words
  apt-get -qq --simulate install $packages | awk '$1 == "Inst" { gsub(/[(\[\]]/, "", $3); print $2, $3 }' |
    grep -vE "^(${left_out:-none}) " | LC_ALL=C sort >"$out/.list"
  mapfile -t wanted < <(tr ' ' '=' <"$out/.list")
  ((${#wanted[@]} > 0)) || die "$suite has none of: $packages"
  log "fetching ${#wanted[@]} packages of $suite for: $packages"
  (cd "$out" && apt-get -qq download "${wanted[@]}")
  jq --raw-input --null-input --sort-keys '[inputs | split(" ") | { (.[0]): .[1] }] | add' "$out/.list" >"$out/packages.json"
  rm -rf "$out/.apt" "$out/.list"
}

# make_apt DIR SUITE: an apt of its own, which knows of no installed package, on this machine's mirror.
make_apt() {
  local dir=$1 suite=$2 mirror
  mirror=$(debian_mirror) || die "apt of this machine names no Debian mirror; set RIG_DEBIAN_MIRROR"
  mkdir -p "$dir"/lists/partial "$dir"/cache/archives/partial "$dir"/parts
  : >"$dir/status"
  echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror $suite main" >"$dir/sources.list"
  cat >"$dir/apt.conf" <<APT
Dir::State "$dir";
Dir::State::lists "$dir/lists";
Dir::State::status "$dir/status";
Dir::Cache "$dir/cache";
Dir::Etc::sourcelist "$dir/sources.list";
Dir::Etc::sourceparts "$dir/parts";
Dir::Etc::preferencesparts "$dir/parts";
Dir::Etc::preferences "/dev/null";
APT::Architecture "amd64";
APT::Architectures { "amd64"; };
APT::Install-Recommends "false";
APT::Sandbox::User "root";
Acquire::Languages "none";
Acquire::Retries "3";
Acquire::IndexTargets::deb::DEP-11::DefaultEnabled "false";
Acquire::IndexTargets::deb::Contents-deb::DefaultEnabled "false";
APT
  export APT_CONFIG=$dir/apt.conf
}

# unpack_packages DEBS ROOT [NAME...]: the files of the packages NAME, or of all, without documentation
# and translations. No package script runs; what those would have done and an image needs, its own file does.
unpack_packages() {
  local debs=$1 root=$2 name deb names
  shift 2
  if (($# == 0)); then
    mapfile -t names < <(jq --raw-output 'keys[]' "$debs/packages.json")
    set -- "${names[@]}"
  fi
  mkdir -p "$root"
  # base-files comes first: it makes /bin, /lib and /sbin the links into /usr that the others expect.
  for name in base-files "$@"; do
    for deb in "$debs/$name"_*.deb; do
      dpkg-deb --fsys-tarfile "$deb" | tar --extract --preserve-permissions --numeric-owner \
        --keep-directory-symlink --directory "$root"
    done
  done
  rm -rf "$root"/usr/share/{doc,man,info,locale,lintian,bash-completion,bug}
  rm -rf "$root"/usr/lib/x86_64-linux-gnu/gconv # converters of character sets: half of them, and none used
}

# empty_root ROOT: the empty frame of a root file system.
empty_root() {
  install -d -m 0755 "$1"/{usr/bin,etc,root,home,var,run,proc,sys,dev}
  install -d -m 1777 "$1/tmp"
  ln -s usr/bin "$1/bin"
  ln -s ../bin "$1/usr/sbin"
  ln -s usr/bin "$1/sbin"
  add_user "$1" nobody 65534 /nonexistent
}

# add_name_lookup ROOT: how glibc finds users and hosts; a package script would write it.
add_name_lookup() {
  printf 'passwd: files\ngroup: files\nhosts: files dns\n' >"$1/etc/nsswitch.conf"
}

# add_user ROOT NAME ID HOME: a line in /etc/passwd and /etc/group, which begin with root alone.
add_user() {
  local root=$1 name=$2 id=$3 home=$4
  mkdir -p "$root/etc"
  [[ -s $root/etc/passwd ]] || echo 'root:x:0:0:root:/root:/bin/sh' >"$root/etc/passwd"
  [[ -s $root/etc/group ]] || echo 'root:x:0:' >"$root/etc/group"
  echo "$name:x:$id:$id:$name:$home:/bin/sh" >>"$root/etc/passwd"
  echo "$name:x:$id:" >>"$root/etc/group"
}

# small_packages: the packages of trixie that all images but the database's are made of.
small_packages() {
  debian_packages trixie 'base-files libc6 libgcc-s1 libstdc++6 busybox-static ca-certificates openssl' \
    '(perl|libperl|debconf|libdebconf|libcrypt|libtext|openssl-provider|mawk|gawk|original-awk).*'
}

# add_busybox ROOT: the static busybox, with a link for each of its commands that ROOT does not have yet.
add_busybox() {
  local root=$1 debs applet
  debs=$(small_packages)
  unpack_packages "$debs" "$root" busybox-static
  while read -r applet; do
    [[ -e $root/usr/bin/$applet || -L $root/usr/bin/$applet ]] || ln -s busybox "$root/usr/bin/$applet"
  done < <("$root/usr/bin/busybox" --list)
}

# add_authorities ROOT: the certificate bundle that Debian's ca-certificates would make.
add_authorities() {
  local root=$1 debs scratch
  debs=$(small_packages)
  scratch=$(mktemp -d)
  dpkg-deb --extract "$debs"/ca-certificates_*.deb "$scratch"
  mkdir -p "$root/etc/ssl/certs"
  find "$scratch/usr/share/ca-certificates" -name '*.crt' -print0 | LC_ALL=C sort -z | xargs -0 cat >"$root/etc/ssl/certs/ca-certificates.crt"
  rm -rf "$scratch"
}
