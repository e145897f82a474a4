# SPDX-License-Identifier: GPL-2.0
"""rtnl_watch.py: asks for RTNL every few milliseconds, and prints when it had to wait for more than
100 ms: from when to when, in seconds since the epoch. The first line says that it watches."""

import time

import rtnetlink

IFLA_IFALIAS = 20

sock = rtnetlink.Socket()
index = rtnetlink.index_of("lo")
print("watches", flush=True)
while True:
    before = time.time()
    error, message = sock.ask(rtnetlink.RTM_NEWLINK, 0,
                              rtnetlink.attribute(IFLA_IFALIAS, b"watched\0"), index)
    assert not error, message
    after = time.time()
    if after - before > 0.1:
        print(f"{before:.6f} {after:.6f}", flush=True)
    time.sleep(0.02)
