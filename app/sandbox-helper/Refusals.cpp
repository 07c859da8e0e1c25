#include "app/sandbox-helper/Refusals.h"
#include "app/sandbox-helper/Report.h"
#include "app/sandbox-helper/SystemCalls.h"

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace sb::helper {

namespace {

constexpr int AtOnce = 64;

void copyProgram(pid_t process, char* name, std::size_t size)
{
    char path[32];
    snprintf(path, sizeof path, "/proc/%d/comm", process);
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    const ssize_t got = fd >= 0 ? read(fd, name, size - 1) : 0;
    close(fd);
    name[got > 0 ? got : 0] = 0;
    name[strcspn(name, "\n")] = 0;
}

} // namespace

void Refusals::listen(int listener)
{
    // The kernel's structures may be larger than those of our headers.
    seccomp_notif_sizes sizes{};
    if (syscall(SYS_seccomp, SECCOMP_GET_NOTIF_SIZES, 0, &sizes) != 0) {
        sizes = {};
    }
    const auto larger = [](std::size_t a, std::size_t b) { return unsigned(a > b ? a : b); };
    m_requestSize = larger(sizes.seccomp_notif, sizeof(seccomp_notif));
    m_responseSize = larger(sizes.seccomp_notif_resp, sizeof(seccomp_notif_resp));
    m_request = static_cast<seccomp_notif*>(malloc(m_requestSize));
    m_response = static_cast<seccomp_notif_resp*>(malloc(m_responseSize));
    if (!m_request || !m_response) {
        close(listener); // whoever waits gets ENOSYS
        return;
    }
    m_listener = listener;
}

void Refusals::answer()
{
    for (int i = 0; i < AtOnce && m_listener >= 0; ++i) {
        pollfd wait{m_listener, POLLIN, 0};
        if (poll(&wait, 1, 0) <= 0) {
            return;
        }
        if (!(wait.revents & POLLIN) || !answerOne()) {
            // Nobody is left who could ask.
            close(m_listener);
            m_listener = -1;
        }
    }
}

bool Refusals::answerOne()
{
    memset(m_request, 0, m_requestSize); // or the kernel refuses
    if (ioctl(m_listener, SECCOMP_IOCTL_NOTIF_RECV, m_request) != 0) {
        return errno == ENOENT || errno == EINTR; // it died meanwhile
    }
    remember(m_request->data.nr, pid_t(m_request->pid));
    memset(m_response, 0, m_responseSize);
    m_response->id = m_request->id;
    m_response->error = -refusal(m_request->data.nr);
    return ioctl(m_listener, SECCOMP_IOCTL_NOTIF_SEND, m_response) == 0 || errno == ENOENT ||
           errno == EINTR;
}

void Refusals::remember(int call, pid_t process)
{
    Count& count = m_counts[call >= 0 && call < Numbers ? call : Numbers - 1];
    if (count.times == 0) {
        count.first = process;
        copyProgram(process, count.program, sizeof count.program);
    }
    count.times += count.times < 0x7fffffff;
}

void Refusals::tell()
{
    for (int call = 0; call < Numbers; ++call) {
        Count& count = m_counts[call];
        if (count.times == 0) {
            continue;
        }
        sandbox::helper::Report message;
        message.kind = sandbox::helper::ReportKind::Refused;
        message.value = count.first;
        message.flags = count.times;
        char* name = seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, call);
        if (name) {
            snprintf(message.name, sizeof message.name, "%s", name);
        } else {
            snprintf(message.name, sizeof message.name, "system call %d", call);
        }
        free(name);
        memcpy(message.program, count.program, sizeof count.program);
        report(message);
        count.times = 0;
    }
}

} // namespace sb::helper
