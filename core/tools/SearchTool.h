#pragma once
#include "core/tools/BuiltinSupport.h"

namespace sb::tools {

/// file_search(pattern, path?, glob?, ignore_case?, literal?): ripgrep in the sandbox, which sees
/// the workspace read-only.
class SearchTool final : public BuiltinTool
{
public:
    explicit SearchTool(sandbox::Sandbox& sandbox);
    [[nodiscard]] bool isIdempotent() const override { return true; }
    Result<Plan> plan(const QJsonObject& arguments, const Context& context) override;
    Future<Output> run(Permit permit,
                       Plan plan,
                       Context context,
                       std::function<void(const QString&)> progress,
                       std::stop_token stop) override;

private:
    sandbox::Sandbox& m_sandbox;
};

} // namespace sb::tools
