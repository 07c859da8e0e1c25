#pragma once
#include "core/tools/Registry.h"

namespace sb::process {

/// What the tools of a channel and a branch do to other processes. Each answers with words for the
/// model.
class Delegator
{
public:
    virtual ~Delegator() = default;
    virtual Future<QString>
    spawnWorker(const tools::Context& context, QString task, bool interactive) = 0;
    virtual Future<QString> branch(const tools::Context& context, QString question) = 0;
    virtual Future<QString>
    route(const tools::Context& context, QString worker, QString message) = 0;
    virtual Future<QString> cancelByTool(const tools::Context& context, QString id) = 0;
    /// Words for the model that others wrote, and where they come from.
    struct Words
    {
        QString text;
        QList<taint::Source> sources;
    };
    virtual Future<Words> recall(const tools::Context& context, QString words) = 0;
    /// The messages that the summary with that seq stands for, from the one with that number on.
    virtual Future<Words> readAgain(const tools::Context& context, qint64 summary, int offset) = 0;
};

/// Adds branch, spawn_worker, route, cancel, skip and channel_recall to a registry, each for the
/// processes that have it. `delegator` finds the one of an agent.
void addDelegationTools(tools::Registry& registry,
                        std::function<Delegator*(const QString& agent)> delegator);

} // namespace sb::process
