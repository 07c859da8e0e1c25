#pragma once
#include "core/sandbox/Sandbox.h"

namespace sb::sandbox {

/// What the machine adds on Windows.
struct WindowsHost
{
    QString container;  ///< the AppContainer's name, one for each agent: "signalbox.assistant"
    QString systemRoot; ///< C:\Windows
    QString temporary;  ///< the launch's own folder for temporary files
};

/// All that the Windows helper needs to start a command: plain data, made by the same code on every
/// system.
struct WindowsLaunch
{
    QString container;
    QStringList capabilities;   ///< of the AppContainer. None: no network, no libraries, no devices
    bool lessPrivileged = true; ///< also without what all application packages may read
    QString commandLine;        ///< one string, as CreateProcess takes it
    QString folder;             ///< where the command starts
    QStringList environment;    ///< "NAME=value", sorted without regard to case
    QStringList writable;       ///< folders that the container's identity gets rights to
    QStringList readable;
    quint64 processMemoryBytes = 0; ///< the job's limits, here and below
    quint64 jobMemoryBytes = 0;
    quint32 processes = 0;
    quint64 cpuHundredNs = 0; ///< of each process
    quint64 jobCpuHundredNs = 0;
    quint32 wallMs = 0;
    quint32 uiRestrictions = 0; ///< JOB_OBJECT_UILIMIT_…: all of them
};

/// Refuses (InvalidInput) what Windows cannot take whole: a NUL, a command line longer than 32,766
/// characters, a batch file as program (cmd.exe reads its arguments by rules that no quoting
/// survives); Unsupported for a plan with network, because an AppContainer has all of the loopback
/// or nothing of it, and all would be every service of the machine.
Result<WindowsLaunch> windowsLaunch(const LaunchPlan& plan, const WindowsHost& host);

/// One argument so that CommandLineToArgvW and Microsoft's C library read exactly it.
QString windowsQuoted(const QString& argument);

/// The bytes that the helper reads on its standard input: UTF-16LE strings that end with NUL,
/// "key=value", then an empty one.
QByteArray windowsParameters(const WindowsLaunch& launch);

} // namespace sb::sandbox
