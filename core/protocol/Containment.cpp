#include "core/protocol/Containment.h"

namespace sb::protocol {

namespace {

const QString addressKey = QStringLiteral("address");
const QString rememberKey = QStringLiteral("remember");

} // namespace

QString addressOf(const ApprovalInfo& question)
{
    return question.tool == u"network" && question.planHash.isEmpty()
               ? question.arguments.value(addressKey).toString()
               : QString();
}

bool isForGood(const ApprovalInfo& question)
{
    return question.editedArguments.value_or(question.arguments).value(rememberKey).toBool();
}

QJsonObject addressArguments(const QString& address, bool isForGood)
{
    return {{addressKey, address}, {rememberKey, isForGood}};
}

} // namespace sb::protocol
