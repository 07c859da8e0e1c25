#include "core/base/Defence.h"
#include "core/wasm/Hosts.h"

#include <QProcess>

namespace sb::wasm {

using namespace Qt::StringLiterals;

Result<QList<Probe>> probeConfinement(const QString& program)
{
    QList<Probe> probes;
    for (const auto& name : {u"open"_s,
                             u"write"_s,
                             u"socket"_s,
                             u"fork"_s,
                             u"exec"_s,
                             u"runnable-memory"_s,
                             u"trace"_s,
                             u"signal"_s}) {
        QProcess process;
        QProcessEnvironment environment;
#ifdef SB_SWITCHABLE_DEFENCES
        environment.insert(u"SB_DEFENCES_OFF"_s, QString::fromLatin1(defencesOff()));
#endif
        process.setProcessEnvironment(environment);
        process.start(program, {u"--probe"_s, name});
        if (!process.waitForFinished(10'000) ||
            (process.exitStatus() == QProcess::NormalExit && process.exitCode() > 1)) {
            return fail(ErrorCode::Unavailable,
                        u"%1 could not be probed: %2"_s.arg(
                            program, QString::fromLocal8Bit(process.readAllStandardError())));
        }
        probes.append(
            {name, process.exitStatus() != QProcess::NormalExit || process.exitCode() != 0});
    }
    return probes;
}

} // namespace sb::wasm
