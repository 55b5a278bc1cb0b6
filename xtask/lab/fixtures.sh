# Not a scenario: copies what `cargo xtask lab fixtures` saves of a kernel.
modprobe -a nfsd nfsv4 || fail 'no nfsd or nfsv4'
TREE=$RES/tree
copy() {
  mkdir -p "$TREE/${1%/*}"
  # Files of /proc and /sys have no size: cp would copy nothing.
  cat "/$1" >"$TREE/$1"
}
for file in proc/kallsyms proc/version proc/modules proc/timer_list proc/filesystems proc/mounts \
  proc/sys/kernel/osrelease sys/kernel/tracing/available_filter_functions sys/kernel/tracing/available_events \
  sys/kernel/debug/kprobes/blacklist "boot/config-$(uname -r)"; do
  copy "$file"
done
for module in vmlinux nfsd nfs nfsv4 sunrpc lockd grace; do
  [ -e /sys/kernel/btf/$module ] && copy sys/kernel/btf/$module
done
for module in /sys/module/*; do mkdir -p "$TREE$module"; done
for format in /sys/kernel/tracing/events/nfs4/nfs4_xdr_*/format; do copy "${format#/}"; done
