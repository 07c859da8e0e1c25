#include "core/sandbox/Environment.h"
#include "core/sandbox/HelperProtocol.h"

#include <QProcessEnvironment>
#include <QStringList>

namespace sb::sandbox {

using namespace Qt::StringLiterals;

namespace {

bool isName(const QString& name)
{
    if (name.isEmpty() || name[0].isDigit()) {
        return false;
    }
    return std::ranges::all_of(name, [](QChar c) {
        return c == u'_' || (c >= u'a' && c <= u'z') || (c >= u'A' && c <= u'Z') ||
               (c >= u'0' && c <= u'9');
    });
}

// Names by which a program loads, runs or asks something besides what its arguments say.
bool changesWhatRuns(const QString& name)
{
    static constexpr QLatin1StringView prefixes[] = {
        "LD_"_L1,
        "DYLD_"_L1,
        "BASH_FUNC_"_L1,
        "GIT_CONFIG"_L1,
    };
    static constexpr QLatin1StringView names[] = {
        "BASHOPTS"_L1,
        "BASH_ENV"_L1,
        "BROWSER"_L1,
        "DBUS_SESSION_BUS_ADDRESS"_L1,
        "EDITOR"_L1,
        "ENV"_L1,
        "GCONV_PATH"_L1,
        "GETCONF_DIR"_L1,
        "GIT_ASKPASS"_L1,
        "GIT_EDITOR"_L1,
        "GIT_EXEC_PATH"_L1,
        "GIT_EXTERNAL_DIFF"_L1,
        "GIT_PAGER"_L1,
        "GIT_PROXY_COMMAND"_L1,
        "GIT_SSH"_L1,
        "GIT_SSH_COMMAND"_L1,
        "GIT_TEMPLATE_DIR"_L1,
        "GLIBC_TUNABLES"_L1,
        "IFS"_L1,
        "JAVA_TOOL_OPTIONS"_L1,
        "JDK_JAVA_OPTIONS"_L1,
        "LESSOPEN"_L1,
        "LOCPATH"_L1,
        "NODE_OPTIONS"_L1,
        "NODE_REPL_EXTERNAL_MODULE"_L1,
        "PAGER"_L1,
        "PERL5DB"_L1,
        "PERL5LIB"_L1,
        "PERL5OPT"_L1,
        "PERLLIB"_L1,
        "PROMPT_COMMAND"_L1,
        "PS4"_L1,
        "PYTHONBREAKPOINT"_L1,
        "PYTHONHOME"_L1,
        "PYTHONINSPECT"_L1,
        "PYTHONSTARTUP"_L1,
        "PYTHONUSERBASE"_L1,
        "RUBYLIB"_L1,
        "RUBYOPT"_L1,
        "SHELLOPTS"_L1,
        "SSH_ASKPASS"_L1,
        "SSH_AUTH_SOCK"_L1,
        "VISUAL"_L1,
        "ZDOTDIR"_L1,
        "_JAVA_OPTIONS"_L1,
    };
    return std::ranges::any_of(prefixes, [&](auto prefix) { return name.startsWith(prefix); }) ||
           std::ranges::contains(names, name);
}

} // namespace

Result<QMap<QString, QString>>
rebuiltEnvironment(const QString& workspace, const QMap<QString, QString>& extras, Network network)
{
    QMap<QString, QString> environment{
        {u"PATH"_s, u"/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"_s},
        {u"HOME"_s, workspace},
        {u"USER"_s, UserName},
        {u"LOGNAME"_s, UserName},
        {u"SHELL"_s, u"/bin/sh"_s},
        {u"LANG"_s, u"C.UTF-8"_s},
        {u"TERM"_s, u"dumb"_s},
        {u"TMPDIR"_s, u"/tmp"_s},
    };
#ifdef SB_SWITCHABLE_DEFENCES
    if (!defended("sandbox.rebuilt-environment")) {
        const auto own = QProcessEnvironment::systemEnvironment();
        for (const auto& name : own.keys()) {
            environment.insert(name, own.value(name));
        }
    }
#endif
    if (network == Network::Door) {
        // Git, curl and Python listen to the first ones; npm and pip also have their own.
        const QString proxy = u"http://127.0.0.1:%1"_s.arg(helper::DoorPort);
        for (const auto& name : {u"http_proxy"_s,
                                 u"https_proxy"_s,
                                 u"HTTP_PROXY"_s,
                                 u"HTTPS_PROXY"_s,
                                 u"ALL_PROXY"_s,
                                 u"npm_config_proxy"_s,
                                 u"npm_config_https_proxy"_s,
                                 u"PIP_PROXY"_s}) {
            environment.insert(name, proxy);
        }
        environment.insert(u"no_proxy"_s, u""_s);
    }
    for (const auto& [name, value] : extras.asKeyValueRange()) {
        if (!isName(name)) {
            return fail(ErrorCode::InvalidInput,
                        u"“%1” is not a name for an environment variable."_s.arg(name));
        }
        if (changesWhatRuns(name) && defended("sandbox.variable-names")) {
            return fail(
                ErrorCode::Forbidden,
                u"The environment variable %1 could make a program run something other than what "
                "was approved, so it is not passed on."_s.arg(name));
        }
        if (value.contains(QChar(u'\0'))) {
            return fail(ErrorCode::InvalidInput,
                        u"The environment variable %1 contains a NUL character."_s.arg(name));
        }
        environment.insert(name, value);
    }
    return environment;
}

} // namespace sb::sandbox
