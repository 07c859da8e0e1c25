#include "core/policy/Risk.h"

#include "core/policy/Glob.h"

#include <QSet>

using namespace Qt::StringLiterals;

namespace sb::policy {

namespace {

using protocol::Risk;

using Words = QSet<QString>;

Words listed(QStringView names)
{
    const QStringList list = names.toString().split(u' ');
    return {list.begin(), list.end()};
}

const Words& quietPrograms()
{
    static const Words words =
        listed(u"ls cat head tail wc pwd echo printf grep rg stat file which true "
               "false date diff cmp tree du df basename dirname realpath uname id "
               "sort uniq cut cd test [ nl sha256sum md5sum jq");
    return words;
}

const Words& networkPrograms()
{
    static const Words words =
        listed(u"curl wget ssh scp sftp rsync nc ncat netcat socat telnet ftp http "
               "https dig nslookup nmap gh glab aws gcloud az kubectl docker podman "
               "rclone openssl");
    return words;
}

const Words& rootPrograms()
{
    static const Words words = listed(u"sudo doas su pkexec runuser");
    return words;
}

const Words& devicePrograms()
{
    static const Words words =
        listed(u"mkfs fdisk parted wipefs shutdown reboot poweroff halt mount umount "
               "insmod modprobe");
    return words;
}

// Program → verbs that fetch and run code of others.
bool installs(const QStringList& words)
{
    static const QMap<QString, Words> verbs{
        {u"npm"_s, listed(u"install i ci add update exec")},
        {u"pnpm"_s, listed(u"install i add update dlx")},
        {u"yarn"_s, listed(u"install add dlx upgrade")},
        {u"bun"_s, listed(u"install add x")},
        {u"pip"_s, listed(u"install download")},
        {u"pip3"_s, listed(u"install download")},
        {u"pipx"_s, listed(u"install run")},
        {u"uv"_s, listed(u"add sync pip tool")},
        {u"poetry"_s, listed(u"add install update")},
        {u"cargo"_s, listed(u"install add update")},
        {u"go"_s, listed(u"get install")},
        {u"gem"_s, listed(u"install")},
        {u"bundle"_s, listed(u"install update")},
        {u"composer"_s, listed(u"install require update")},
        {u"apt"_s, listed(u"install upgrade")},
        {u"apt-get"_s, listed(u"install upgrade dist-upgrade")},
        {u"dnf"_s, listed(u"install upgrade")},
        {u"yum"_s, listed(u"install")},
        {u"apk"_s, listed(u"add")},
        {u"pacman"_s, listed(u"-S -Syu")},
        {u"brew"_s, listed(u"install upgrade")},
        {u"snap"_s, listed(u"install")},
        {u"flatpak"_s, listed(u"install")},
    };
    const QString& program = words.first();
    if (program == "npx"_L1 || program == "uvx"_L1 || program == "bunx"_L1 ||
        program == "dpkg"_L1) {
        return true;
    }
    const auto found = verbs.constFind(program);
    if (found != verbs.constEnd()) {
        return std::ranges::any_of(words.sliced(1),
                                   [&](const QString& word) { return found->contains(word); });
    }
    if (program.startsWith("python"_L1)) {
        return words.contains(u"pip"_s) && words.contains(u"install"_s);
    }
    return false;
}

// Whether one of the words is an option that holds the letter (-rf) or is the long form.
bool hasOption(const QStringList& words, QChar letter, QLatin1StringView longForm)
{
    return std::ranges::any_of(words.sliced(1), [&](const QString& word) {
        if (word.startsWith("--"_L1)) {
            return word == longForm;
        }
        return word.startsWith(u'-') && word.contains(letter);
    });
}

struct Judge
{
    RiskEstimate estimate;

    void say(Risk risk, const QString& reason)
    {
        if (estimate.reasons.contains(reason)) {
            return;
        }
        if (risk > estimate.risk) {
            estimate.risk = risk;
            estimate.reasons.prepend(reason);
        } else {
            estimate.reasons.append(reason);
        }
    }

    void remove(const QStringList& words)
    {
        const bool recursive =
            hasOption(words, u'r', "--recursive"_L1) || hasOption(words, u'R', "--recursive"_L1);
        if (!recursive) {
            say(Risk::Medium, u"It deletes files (rm)."_s);
            return;
        }
        const bool wide = std::ranges::any_of(words.sliced(1), [](const QString& word) {
            return word.startsWith(u'/') || word.startsWith(u'~') || word == ".."_L1 ||
                   word.startsWith("../"_L1) || word == "."_L1 || word == "*"_L1 ||
                   word == QString(anyWords) || word == QString(anyRun) ||
                   word.startsWith(anyWords) || word.startsWith(anyRun);
        });
        if (wide) {
            say(Risk::Critical,
                u"It deletes a whole tree that may be far larger than meant (rm -r)."_s);
        } else {
            say(Risk::High, u"It deletes whole folders (rm -r)."_s);
        }
    }

    void git(const QStringList& words)
    {
        const auto has = [&](QLatin1StringView verb) { return words.contains(verb); };
        if (has("push"_L1)) {
            const bool forced = hasOption(words, u'f', "--force"_L1) || has("--mirror"_L1) ||
                                has("--delete"_L1) ||
                                std::ranges::any_of(words, [](const QString& word) {
                                    return word.startsWith(u'+') || word.startsWith("--force"_L1);
                                });
            say(forced ? Risk::Critical : Risk::High,
                forced
                    ? u"It overwrites what others see in the remote repository (git push with force)."_s
                    : u"It publishes commits to a remote repository (git push)."_s);
        } else if ((has("reset"_L1) && has("--hard"_L1)) || has("clean"_L1) ||
                   has("filter-branch"_L1) || (has("branch"_L1) && has("-D"_L1)) ||
                   (has("stash"_L1) && (has("drop"_L1) || has("clear"_L1))) ||
                   (has("reflog"_L1) && has("expire"_L1))) {
            say(Risk::High, u"It throws away work that git cannot bring back."_s);
        } else if (has("clone"_L1) || has("fetch"_L1) || has("pull"_L1) || has("ls-remote"_L1) ||
                   has("submodule"_L1)) {
            say(Risk::Medium, u"It talks to a remote repository (git)."_s);
        } else if (has("config"_L1) || std::ranges::any_of(words, [](const QString& word) {
                       return word == "-c"_L1 || word.startsWith("--exec"_L1) ||
                              word.startsWith("--upload-pack"_L1);
                   })) {
            say(Risk::High, u"It changes git's configuration, which can make git run programs."_s);
        } else if (words.size() > 1 && Words{u"status"_s,
                                             u"diff"_s,
                                             u"log"_s,
                                             u"show"_s,
                                             u"blame"_s,
                                             u"ls-files"_s,
                                             u"rev-parse"_s,
                                             u"describe"_s,
                                             u"grep"_s}
                                           .contains(words[1])) {
            // reads only
        } else {
            say(Risk::Medium, u"It changes the repository (git)."_s);
        }
    }

    void command(const QStringList& words)
    {
        const QString& program = words.first();
        if (program.contains(anyWords) || program.contains(anyRun)) {
            say(Risk::High, u"Which program it runs is not written in the line."_s);
        } else if (program == "rm"_L1) {
            remove(words);
        } else if (program == "git"_L1) {
            git(words);
        } else if (rootPrograms().contains(program)) {
            say(Risk::High, u"It asks for the rights of another user (%1)."_s.arg(program));
        } else if (devicePrograms().contains(program) || program.startsWith("mkfs."_L1)) {
            say(Risk::Critical, u"It changes the machine itself (%1)."_s.arg(program));
        } else if (program == "dd"_L1) {
            const bool device = std::ranges::any_of(
                words, [](const QString& word) { return word.startsWith("of=/dev/"_L1); });
            say(device ? Risk::Critical : Risk::Medium, u"It writes raw data (dd)."_s);
        } else if (program == "chmod"_L1 || program == "chown"_L1 || program == "chgrp"_L1 ||
                   program == "setfacl"_L1) {
            say(Risk::High, u"It changes who may do what with files (%1)."_s.arg(program));
        } else if (program == "shred"_L1 || program == "truncate"_L1 ||
                   (program == "find"_L1 && words.contains(u"-delete"_s))) {
            say(Risk::High, u"It destroys the content of files (%1)."_s.arg(program));
        } else if (program == "kill"_L1 || program == "pkill"_L1 || program == "killall"_L1) {
            say(Risk::Medium, u"It ends processes (%1)."_s.arg(program));
        } else if (installs(words)) {
            say(Risk::High, u"It fetches code of others and may run it (%1)."_s.arg(program));
        } else if (networkPrograms().contains(program)) {
            say(Risk::High, u"It reaches out to other machines (%1)."_s.arg(program));
        } else if ((isShell(program) || program.startsWith("python"_L1) || program == "perl"_L1 ||
                    program == "ruby"_L1 || program == "node"_L1 || program == "php"_L1 ||
                    program == "lua"_L1) &&
                   (hasOption(words, u'c', "--command"_L1) ||
                    hasOption(words, u'e', "--eval"_L1))) {
            say(Risk::High, u"It runs code that stands in the line itself (%1)."_s.arg(program));
        } else if (program == "sed"_L1 || program == "awk"_L1 || program == "find"_L1) {
            say(hasOption(words, u'i', "--in-place"_L1) ? Risk::Medium : Risk::Low,
                u"It reads or edits files (%1)."_s.arg(program));
        } else if (!quietPrograms().contains(program)) {
            say(Risk::Medium, u"It runs the program %1."_s.arg(program.left(60)));
        }
    }

    void written(const QString& path)
    {
        const QString clean = path.startsWith("./"_L1) ? path.mid(2) : path;
        const auto parts = clean.split(u'/', Qt::SkipEmptyParts);
        const QString name = parts.isEmpty() ? QString() : parts.last();
        const auto inside = [&](QLatin1StringView folder) { return parts.contains(folder); };
        static const Words pipelines =
            listed(u".gitlab-ci.yml .travis.yml Jenkinsfile azure-pipelines.yml "
                   "bitbucket-pipelines.yml .drone.yml appveyor.yml");
        static const Words built =
            listed(u"Makefile GNUmakefile CMakeLists.txt package.json setup.py conftest.py "
                   "pyproject.toml build.rs build.gradle pom.xml Dockerfile Rakefile");
        if (inside(".git"_L1)) {
            say(Risk::Critical,
                u"It writes into the repository's own folder (.git), where hooks run as you."_s);
        } else if (inside(".github"_L1) || inside(".gitlab"_L1) || inside(".circleci"_L1) ||
                   inside(".ci"_L1) || inside(".buildkite"_L1) || pipelines.contains(name)) {
            say(Risk::High, u"It changes what the build servers run (%1)."_s.arg(name.left(60)));
        } else if (inside(".ssh"_L1) || inside(".gnupg"_L1) || inside(".aws"_L1)) {
            say(Risk::Critical, u"It writes where keys are kept (%1)."_s.arg(clean.left(80)));
        } else if (std::ranges::any_of(parts, [](const QString& part) {
                       return part.startsWith(u'.') && part != "."_L1 && part != ".."_L1;
                   })) {
            say(Risk::High,
                u"It writes a hidden file that tools read on their own (%1)."_s.arg(
                    clean.left(80)));
        } else if (built.contains(name) || name.endsWith(".mk"_L1) || name.endsWith(".cmake"_L1)) {
            say(Risk::Medium,
                u"It changes a file that the next build runs (%1)."_s.arg(name.left(60)));
        }
    }
};

bool isDownload(const QString& program)
{
    return program == "curl"_L1 || program == "wget"_L1 || program == "http"_L1 ||
           program == "fetch"_L1;
}

} // namespace

RiskEstimate estimateRisk(const Action& action, const ShellLine& line, const ShellReach& reach)
{
    Judge judge;
    if (action.tool == "shell"_L1) {
        bool downloads = false;
        bool interprets = false;
        for (const QStringList& words : reach.commands) {
            judge.command(words);
            downloads = downloads || isDownload(words.first());
            interprets = interprets || isShell(words.first()) ||
                         words.first().startsWith("python"_L1) || words.first() == "perl"_L1 ||
                         words.first() == "node"_L1 || words.first() == "ruby"_L1 ||
                         words.first() == "eval"_L1 || words.first() == "source"_L1 ||
                         words.first() == "."_L1;
        }
        if (downloads && interprets) {
            judge.say(protocol::Risk::Critical, u"It may run what it has just downloaded."_s);
        }
        for (const QString& target : line.targets) {
            judge.written(target);
        }
        for (const QString& doubt : line.doubts) {
            judge.say(protocol::Risk::High,
                      u"It holds %1, so what it runs cannot be told for certain."_s.arg(doubt));
        }
        if (reach.tooMuch) {
            judge.say(protocol::Risk::High,
                      u"The line is too long or too deeply nested to be checked."_s);
        }
        return std::move(judge.estimate);
    }
    switch (action.effect) {
    case Effect::None:
        break;
    case Effect::ReadWorkspace: {
        static const QStringList telling{u".env"_s,
                                         u".pem"_s,
                                         u".key"_s,
                                         u"id_rsa"_s,
                                         u"id_ed25519"_s,
                                         u".netrc"_s,
                                         u"credentials"_s,
                                         u".p12"_s,
                                         u".kdbx"_s};
        for (const QString& part : telling) {
            if (action.subject.contains(part, Qt::CaseInsensitive)) {
                judge.say(protocol::Risk::Medium, u"The file may hold keys or passwords."_s);
                break;
            }
        }
        break;
    }
    case Effect::WriteWorkspace:
        judge.written(action.subject);
        break;
    case Effect::Execute:
        judge.say(protocol::Risk::Medium,
                  u"It does more than read and write files in the workspace."_s);
        break;
    case Effect::Network:
        judge.say(protocol::Risk::Medium, u"It reaches out to %1."_s.arg(action.host.left(120)));
        break;
    }
    return std::move(judge.estimate);
}

} // namespace sb::policy
