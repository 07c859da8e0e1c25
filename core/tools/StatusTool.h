#pragma once
#include "core/tools/BuiltinSupport.h"

namespace sb::tools {

/// set_status(status): what the worker is doing now, in its own words. The process takes it from
/// the facts.
class StatusTool final : public BuiltinTool
{
public:
    StatusTool();
    [[nodiscard]] bool isIdempotent() const override { return true; }
    Result<Plan> plan(const QJsonObject& arguments, const Context& context) override;
    Future<Output> run(Permit permit,
                       Plan plan,
                       Context context,
                       std::function<void(const QString&)> progress,
                       std::stop_token stop) override;
};

} // namespace sb::tools
