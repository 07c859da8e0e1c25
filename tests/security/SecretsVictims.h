#pragma once
#include "core/secrets/Dumps.h"

#include <QByteArray>
#include <QFile>
#include <csignal>
#include <cstring>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

namespace sb::test {

/// Whether the bytes lie anywhere in what another process can write to: what a dump would hold.
inline bool isInMemory(qint64 pid, const QByteArray& bytes)
{
    QFile maps(QStringLiteral("/proc/%1/maps").arg(pid));
    QFile memory(QStringLiteral("/proc/%1/mem").arg(pid));
    if (!maps.open(QIODevice::ReadOnly) ||
        !memory.open(QIODevice::ReadOnly | QIODevice::Unbuffered)) {
        qFatal("the child's memory cannot be read");
    }
    for (const QByteArray& line : maps.readAll().split('\n')) {
        const auto words = line.split(' ');
        const auto ends = words.first().split('-');
        if (words.size() < 2 || ends.size() != 2 || !words[1].startsWith("rw")) {
            continue;
        }
        quint64 at = ends[0].toULongLong(nullptr, 16);
        const quint64 end = ends[1].toULongLong(nullptr, 16);
        if (end - at > (quint64(1) << 31)) {
            continue; // a sanitizer's shadow, which holds no bytes of ours
        }
        constexpr quint64 step = 1 << 20;
        for (; at < end; at += step) {
            QByteArray part(qsizetype(std::min(end - at, step + quint64(bytes.size()))), '\0');
            const auto got = ::pread(memory.handle(), part.data(), size_t(part.size()), off_t(at));
            if (got > 0 && part.first(got).contains(bytes)) {
                return true;
            }
        }
    }
    return false;
}

/// Whether a program of the same user, without privileges, reads a key out of the memory of one
/// that keeps itself out of dumps.
inline bool anotherProcessReadsMemory()
{
    static char key[] = "a-key-in-the-memory-of-the-victim";
    const pid_t attacker = ::fork();
    if (attacker == 0) {
        // As root it may read everything; nobody's programs run with that.
        __user_cap_header_struct head = {_LINUX_CAPABILITY_VERSION_3, 0};
        __user_cap_data_struct none[2] = {};
        ::syscall(SYS_capset, &head, none);
        int ready[2];
        if (::pipe(ready) != 0) {
            ::_exit(2);
        }
        const pid_t victim = ::fork();
        if (victim == 0) {
            ::prctl(PR_SET_DUMPABLE, 1);
            (void)secrets::keepOutOfDumps();
            (void)!::write(ready[1], "x", 1);
            ::pause();
            ::_exit(0);
        }
        char read[sizeof key] = {};
        (void)!::read(ready[0], read, 1);
        iovec local = {read, sizeof read};
        iovec remote = {key, sizeof key};
        const auto got = ::process_vm_readv(victim, &local, 1, &remote, 1, 0);
        ::kill(victim, SIGKILL);
        ::waitpid(victim, nullptr, 0);
        ::_exit(got == ssize_t(sizeof key) && std::memcmp(read, key, sizeof key) == 0 ? 1 : 0);
    }
    int status = 0;
    ::waitpid(attacker, &status, 0);
    if (!WIFEXITED(status) || WEXITSTATUS(status) > 1) {
        qFatal("the attack could not be made");
    }
    return WEXITSTATUS(status) == 1;
}

} // namespace sb::test
