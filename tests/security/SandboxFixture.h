#pragma once
#include "core/sandbox/Sandbox.h"

#include <QDir>
#include <QFile>
#include <QFileInfo>
#include <QTemporaryDir>
#include <QTest>
#include <QUuid>
#include <dirent.h>

/// A workspace, a folder that must stay out of reach, and the real sandbox between them.
class SandboxFixture
{
public:
    explicit SandboxFixture(sb::Clock& clock)
        : sandbox(
              {QStringLiteral(SB_BIN_DIR "/signalbox-sandbox-helper"), QStringLiteral("bwrap"), {}},
              clock)
        , workspace(QFileInfo(m_workspace.path()).canonicalFilePath())
        , outside(QFileInfo(m_outside.path()).canonicalFilePath())
        , mark(QUuid::createUuid().toString(QUuid::WithoutBraces))
    {
    }

    sb::sandbox::LaunchRequest request(const QString& script) const
    {
        return program({QStringLiteral("sh"), QStringLiteral("-c"), script});
    }
    sb::sandbox::LaunchRequest program(const QStringList& argv) const
    {
        sb::sandbox::LaunchRequest request;
        request.argv = argv;
        request.workspace = workspace;
        request.cwd = workspace;
        request.environment = {{QStringLiteral("SB_MARK"), mark}};
        return request;
    }
    sb::Result<sb::sandbox::Outcome> run(const sb::sandbox::LaunchRequest& request)
    {
        SB_TRY(auto plan, sandbox.plan(request));
        return sandbox.launch(std::move(plan), {}, {}).wait();
    }
    /// The outcome; a launch that failed is one with the failure's words as output.
    sb::sandbox::Outcome outcome(const sb::sandbox::LaunchRequest& request)
    {
        auto result = run(request);
        if (!result) {
            sb::sandbox::Outcome none;
            none.output = QStringLiteral("launch failed: ") + result.error().message;
            return none;
        }
        return *result;
    }
    sb::sandbox::Outcome sh(const QString& script) { return outcome(request(script)); }
    sb::sandbox::Outcome python(const QString& script)
    {
        return outcome(program({QStringLiteral("python3"), QStringLiteral("-c"), script}));
    }

    void write(const QString& path, const QByteArray& bytes) const
    {
        QDir().mkpath(QFileInfo(path).path());
        QFile file(path);
        if (!file.open(QIODevice::WriteOnly) || file.write(bytes) != bytes.size()) {
            qFatal("a test file could not be written");
        }
    }

    /// How many processes of this machine carry this fixture's mark in their environment.
    int survivors() const
    {
        int count = 0;
        DIR* folder = ::opendir("/proc");
        while (const dirent* entry = folder ? ::readdir(folder) : nullptr) {
            QFile file(QStringLiteral("/proc/%1/environ").arg(QString::fromLatin1(entry->d_name)));
            if (entry->d_name[0] >= '1' && entry->d_name[0] <= '9' &&
                file.open(QIODevice::ReadOnly) && file.readAll().contains(mark.toLatin1())) {
                ++count;
            }
        }
        ::closedir(folder);
        return count;
    }

private:
    QTemporaryDir m_workspace;
    QTemporaryDir m_outside;

public:
    sb::sandbox::Sandbox sandbox;
    const QString workspace;
    const QString outside;
    const QString mark;
};
