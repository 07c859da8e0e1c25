#pragma once
#include "core/tools/BuiltinSupport.h"

namespace sb::tools {

/// shell(command, cwd, timeout_s): a command line for /bin/sh in the sandbox.
class ShellTool final : public BuiltinTool
{
public:
    explicit ShellTool(sandbox::Sandbox& sandbox);
    [[nodiscard]] bool isIdempotent() const override { return false; }
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
