# SPDX-License-Identifier: GPL-2.0
"""The files of a namespace's parents in debugfs. Any of them may go, or get another name, meanwhile."""

import glob
import os


def parents(namespace):
    inode = os.stat(f"/run/netns/{namespace}").st_ino
    return glob.glob(f"/sys/kernel/debug/carp/*@{inode}")


def tell(namespace, words):
    """Whether any of them took it: not without such a vhid, nor while that is at rest."""
    taken = False
    for path in parents(namespace):
        try:
            with open(path, "w") as file:
                file.write(words)
            taken = True
        except OSError:
            pass
    return taken


def has_parked(namespace):
    """Whether an operation waits for somebody to leave."""
    for path in parents(namespace):
        try:
            with open(path) as file:
                if " parked\n" in file.read():
                    return True
        except OSError:
            pass
    return False


def show():
    """The files of all namespaces."""
    for path in glob.glob("/sys/kernel/debug/carp/*"):
        with open(path) as file:
            print(f"\t{path}:\n{file.read()}")
