#include "core/sandbox/Seatbelt.h"
#include "core/sandbox/HelperProtocol.h"

namespace sb::sandbox {

using namespace Qt::StringLiterals;

namespace {

// A string as the profile's language (a Scheme) writes it.
Result<QString> quoted(const QString& path)
{
    const bool spells = path.startsWith(u'/') && path.isValidUtf16() &&
                        std::ranges::none_of(path, [](QChar c) { return c.unicode() < 0x20; });
    if (!spells) {
        return fail(ErrorCode::InvalidInput,
                    u"The path “%1” cannot stand in a sandbox profile."_s.arg(path));
    }
    QString text = path;
    text.replace(u'\\', u"\\\\"_s).replace(u'"', u"\\\""_s);
    return u'"' % text % u'"';
}

// What any program reads before its own first line.
constexpr auto System = R"((version 1)
(deny default)
(allow process-fork)
(allow process-exec
    (subpath "/bin") (subpath "/usr/bin") (subpath "/usr/libexec")
    (subpath "/usr/local") (subpath "/opt/homebrew") (subpath "/Library/Developer")
    (subpath "/Applications/Xcode.app"))
(allow signal (target same-sandbox))
(allow process-info* (target same-sandbox))
(allow sysctl-read)
(allow file-read-metadata (literal "/") (literal "/private") (literal "/var") (literal "/tmp")
    (literal "/etc"))
(allow file-read*
    (subpath "/bin") (subpath "/usr/bin") (subpath "/usr/lib") (subpath "/usr/libexec")
    (subpath "/usr/share") (subpath "/usr/local") (subpath "/opt/homebrew")
    (subpath "/System/Library") (subpath "/System/Volumes/Preboot/Cryptexes")
    (subpath "/Library/Developer") (subpath "/Applications/Xcode.app")
    (literal "/private/etc/localtime") (literal "/private/etc/protocols")
    (literal "/private/etc/services") (subpath "/private/etc/ssl")
    (subpath "/private/var/db/timezone"))
(allow file-read* file-write-data
    (literal "/dev/null") (literal "/dev/zero") (literal "/dev/random") (literal "/dev/urandom")
    (literal "/dev/dtracehelper") (subpath "/dev/fd"))
(deny file-read* (subpath "/private/var/db/dslocal") (subpath "/Library/Keychains"))
)"_L1;

} // namespace

Result<QString> seatbeltProfile(const LaunchPlan& plan, const SeatbeltHost& host)
{
    SB_TRY(const QString workspace, quoted(plan.workspace));
    SB_TRY(const QString temporary, quoted(host.temporary));
    SB_TRY(const QString git, quoted(plan.workspace + u"/.git"_s));
    SB_TRY(const QString hooks, quoted(plan.workspace + u"/.git/hooks"_s));
    SB_TRY(const QString config, quoted(plan.workspace + u"/.git/config"_s));
    QString profile = System;
    profile += u"(allow file-read* process-exec (subpath %1))\n"_s.arg(workspace);
    if (!plan.workspaceReadOnly) {
        profile += u"(allow file-write* (subpath %1))\n"_s.arg(workspace);
        // Git outside runs what these name. A rule that comes later wins.
        profile += u"(deny file-write* (subpath %1) (literal %2))\n"_s.arg(hooks, config);
        profile += u"(deny file-write-unlink file-write-create (literal %1))\n"_s.arg(git);
    }
    profile += u"(allow file-read* file-write* process-exec (subpath %1))\n"_s.arg(temporary);
    for (const auto& path : host.hidden) {
        SB_TRY(const QString hidden, quoted(path));
        profile += u"(deny file-read* file-write* process-exec (subpath %1))\n"_s.arg(hidden);
    }
    if (plan.network) {
        profile +=
            u"(allow network-outbound (remote tcp \"localhost:%1\"))\n"_s.arg(helper::DoorPort);
    }
    // Its own servers: Seatbelt knows no network of one's own, so other programs' ports on this
    // machine would be open with them. They stay shut whatever the plan says.
    return profile;
}

Result<QStringList> seatbeltCommand(const LaunchPlan& plan, const SeatbeltHost& host)
{
    SB_TRY(const QString profile, seatbeltProfile(plan, host));
    return QStringList{u"/usr/bin/sandbox-exec"_s, u"-p"_s, profile, u"--"_s} + plan.argv;
}

} // namespace sb::sandbox
