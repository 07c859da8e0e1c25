#pragma once
#include "app/node/CommandLine.h"
#include "core/config/Config.h"

#include <QJsonObject>

namespace sb::node {

/// One line of doctor.
struct Finding
{
    enum class Kind { Good, Hint, Bad };
    QString what;
    Kind kind = Kind::Good;
    QString says;
    QJsonObject more{}; ///< beside the common fields
};

/// Every database of the home, opened for reading only: its schema, and SQLite's quick check.
void addDatabases(QList<Finding>& findings, const runtime::Home& home);
/// What is installed, and why a skill that an agent lists cannot be used.
void addPackages(QList<Finding>& findings, const runtime::Home& home, const config::Config& config);
/// Rules that speak of a tool that the agent does not have.
void addRules(QList<Finding>& findings, const runtime::Home& home, const config::Config& config);

} // namespace sb::node
