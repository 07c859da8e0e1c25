#pragma once
#include "core/base/Result.h"
#include "core/sandbox/Descriptor.h"

#include <QByteArray>
#include <QList>
#include <QMap>
#include <QStringList>

namespace sb::sandbox {

/// A bubblewrap that runs, and the ends of it that we hold. Its thread must live as long: the
/// kernel counts the thread that spawned as its parent.
struct Spawned
{
    Descriptor process; ///< bubblewrap's pidfd
    Descriptor init;    ///< process 1's, once its helper has sent it
    Descriptor output;  ///< non-blocking; what the command prints on both streams
    Descriptor control; ///< see HelperProtocol.h
};

struct SpawnRequest
{
    QString bubblewrap;   ///< absolute
    QByteArray arguments; ///< NUL-terminated each
    QByteArray parameters;
    QByteArray standardInput;
    QList<QByteArray> files; ///< for FirstFileFd and after
    QMap<QString, QString> environment;
    int controlGroup = -1; ///< folder of the group to start in; none below zero
};

/// Starts bubblewrap with exactly this environment and only the descriptors that it needs.
Result<Spawned> spawn(const SpawnRequest& request);

/// A sealed file in memory with these bytes, to be read from its beginning.
Result<Descriptor> memoryFile(const char* name, QByteArrayView bytes);

} // namespace sb::sandbox
