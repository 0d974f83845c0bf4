//! The system calls that a running server is refused (seccomp). It has its listeners and files by then, takes what comes in on them,
//! and needs no other socket, no program, and nothing of another process. What is left out here is refused with `EPERM`; everything
//! else is as it was, so that a newer C library does not break a server.

use seccompiler::{BpfProgram, SeccompAction, SeccompFilter, TargetArch, apply_filter};
use std::collections::BTreeMap;

/// What is refused, and why nobody misses it.
const FORBIDDEN: &[&[libc::c_long]] = &[
    // Sockets of any kind: TCP, UDP, UNIX, netlink. Pairs, which lead nowhere, are left to the runtime; io_uring makes sockets, too.
    &[libc::SYS_socket, libc::SYS_connect, libc::SYS_bind, libc::SYS_listen, libc::SYS_io_uring_setup],
    // Programs.
    &[libc::SYS_execve, libc::SYS_execveat],
    // Other processes, and what they have open.
    &[
        libc::SYS_ptrace,
        libc::SYS_process_vm_readv,
        libc::SYS_process_vm_writev,
        libc::SYS_pidfd_getfd,
        libc::SYS_kcmp,
    ],
    // What the kernel can be attacked by, and servers have no use for.
    &[
        libc::SYS_add_key,
        libc::SYS_bpf,
        libc::SYS_keyctl,
        libc::SYS_mount,
        libc::SYS_perf_event_open,
        libc::SYS_request_key,
        libc::SYS_setns,
        libc::SYS_unshare,
        libc::SYS_userfaultfd,
    ],
];

/// On `x86_64` each call has a second number, of an interface that some kernels have (x32).
#[cfg(target_arch = "x86_64")]
const OTHER_NUMBERS: Option<i64> = Some(0x4000_0000);
#[cfg(not(target_arch = "x86_64"))]
const OTHER_NUMBERS: Option<i64> = None;

/// Refuses them to the calling thread and those that it starts, for good.
///
/// # Errors
/// When the kernel has no seccomp, or this program no filter for the processor, in words.
pub(crate) fn forbid() -> Result<(), String> {
    let program = filter().map_err(|error| error.to_string())?;
    apply_filter(&program).map_err(|error| error.to_string())
}

fn filter() -> Result<BpfProgram, seccompiler::BackendError> {
    let arch = TargetArch::try_from(std::env::consts::ARCH)?;
    let numbers = FORBIDDEN.iter().copied().flatten();
    let both = numbers.flat_map(|number| [Some(*number), OTHER_NUMBERS.map(|other| other | number)]);
    let rules: BTreeMap<i64, _> = both.flatten().map(|number| (number, Vec::new())).collect();
    let refuse = SeccompAction::Errno(libc::EPERM.unsigned_abs());
    SeccompFilter::new(rules, SeccompAction::Allow, refuse, arch)?.try_into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io;
    use std::net::{TcpStream, UdpSocket};
    use std::os::unix::net::{UnixListener, UnixStream};

    fn is_refused<T>(outcome: io::Result<T>) -> bool {
        outcome.is_err_and(|error| error.raw_os_error() == Some(libc::EPERM))
    }

    /// L-4 of the review: UDP, UNIX sockets by path and netlink were open, and without the unit for systemd nothing forbade them.
    #[test]
    fn a_confined_thread_makes_no_socket_of_any_kind_and_runs_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("socket");
        let bound = UnixListener::bind(&path).unwrap();
        let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
        let address = udp.local_addr().unwrap();
        let act = || {
            forbid().unwrap();
            assert!(is_refused(UdpSocket::bind("127.0.0.1:0")));
            assert!(is_refused(udp.connect(address)));
            assert!(is_refused(TcpStream::connect("127.0.0.1:9")));
            assert!(is_refused(UnixStream::connect(&path)));
            assert!(is_refused(UnixListener::bind(folder.path().join("other"))));
            assert!(is_refused(std::process::Command::new("/bin/true").status()));
            // The runtime has one for signals.
            UnixStream::pair().unwrap();
            bound.set_nonblocking(true).unwrap();
            assert_eq!(bound.accept().unwrap_err().kind(), io::ErrorKind::WouldBlock);
            // It holds for every thread that is started from here on.
            std::thread::scope(|scope| {
                scope.spawn(|| assert!(is_refused(UdpSocket::bind("127.0.0.1:0")))).join().unwrap();
            });
        };
        std::thread::scope(|scope| scope.spawn(act).join().unwrap());
        // Nobody else is held to it.
        UdpSocket::bind("127.0.0.1:0").unwrap();
    }
}
