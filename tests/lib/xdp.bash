# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash
#
# xdp.bash - a program of XDP on an interface of the rig's host.

# xdp_attach INTERFACE: a program that passes everything, for as long as its process lives
xdp_attach() {
	cat >"$RIG_DIR/xdp.py" <<-'PY'
		import ctypes, os, socket, struct, sys, time
		libc = ctypes.CDLL(None, use_errno=True)
		def bpf(command, attributes):
		    buffer = ctypes.create_string_buffer(attributes, 128)
		    number = {"x86_64": 321}.get(os.uname().machine, 280)
		    result = libc.syscall(number, command, buffer, len(buffer))
		    if result < 0:
		        sys.exit("bpf(%d): %s" % (command, os.strerror(ctypes.get_errno())))
		    return result
		code = ctypes.create_string_buffer(struct.pack("=BBhiBBhi", 0xb7, 0, 0, 2, 0x95, 0, 0, 0))	# r0 = XDP_PASS; exit
		licence = ctypes.create_string_buffer(b"GPL")
		program = bpf(5, struct.pack("=IIQQ", 6, 2, ctypes.addressof(code), ctypes.addressof(licence)))	# BPF_PROG_LOAD
		bpf(28, struct.pack("=IIII", program, socket.if_nametoindex(sys.argv[1]), 37, 0))	# BPF_LINK_CREATE, BPF_XDP
		print("attached", flush=True)
		time.sleep(60)
	PY
	rm -f "$RIG_DIR/xdp.out"
	ip netns exec "$RIG_HOST" python3 "$RIG_DIR/xdp.py" "$1" >"$RIG_DIR/xdp.out" 2>&1 3>&- &
	echo $! >"$RIG_DIR/xdp.pid"
	rig_until 30 test -s "$RIG_DIR/xdp.out"
	grep -q attached "$RIG_DIR/xdp.out" || skip "no program of XDP can be attached here: $(cat "$RIG_DIR/xdp.out")"
}
