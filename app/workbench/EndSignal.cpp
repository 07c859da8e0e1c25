#include "app/workbench/EndSignal.h"

#include <QCoreApplication>
#include <QSocketNotifier>
#include <csignal>
#include <sys/signalfd.h>
#include <unistd.h>

namespace sb::workbench {

EndSignal::EndSignal()
{
    sigset_t signals;
    sigemptyset(&signals);
    for (const int signal : {SIGTERM, SIGINT, SIGHUP}) {
        sigaddset(&signals, signal);
    }
    pthread_sigmask(SIG_BLOCK, &signals, nullptr);
    m_descriptor = ::signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
    if (m_descriptor < 0) {
        pthread_sigmask(SIG_UNBLOCK, &signals, nullptr); // then they end it as they always do
    }
}

void EndSignal::listen(std::function<void()> ended)
{
    if (m_descriptor < 0) {
        return;
    }
    // The application's, because it cannot outlive that.
    auto* notifier =
        new QSocketNotifier(m_descriptor, QSocketNotifier::Read, QCoreApplication::instance());
    QObject::connect(
        notifier, &QSocketNotifier::activated, notifier, [this, ended = std::move(ended)] {
            signalfd_siginfo information;
            while (::read(m_descriptor, &information, sizeof information) > 0) {
            }
            ended();
        });
}

EndSignal::~EndSignal()
{
    if (m_descriptor >= 0) {
        ::close(m_descriptor);
    }
}

} // namespace sb::workbench
