#include "core/tools/StatusTool.h"

namespace sb::tools {

using namespace Qt::StringLiterals;

StatusTool::StatusTool()
    : BuiltinTool(toolSpec("set_status",
                           "Says in a few words what you are doing now. The person and the agent "
                           "that gave you the task "
                           "see it; use it when a new step begins.",
                           {textProperty("status", "A few words, such as: running the tests.")},
                           1))
{
}

Result<Plan> StatusTool::plan(const QJsonObject& arguments, const Context& context)
{
    Plan plan = begin(arguments, context, policy::Effect::None);
    plan.action.subject = oneLine(arguments.value(u"status"_s).toString());
    if (plan.action.subject.isEmpty()) {
        return fail(ErrorCode::InvalidInput, u"The status is empty."_s);
    }
    plan.command =
        QCoreApplication::translate("sb::tools::Status", "Say: %1").arg(plan.action.subject);
    return plan;
}

Future<Output>
StatusTool::run(Permit, Plan plan, Context, std::function<void(const QString&)>, std::stop_token)
{
    Output output;
    output.text = u"ok"_s;
    output.facts = {{u"status"_s, plan.action.subject}};
    return Future<Output>::ready(std::move(output));
}

} // namespace sb::tools
