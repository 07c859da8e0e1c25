#pragma once
#include "core/leaks/Watch.h"
#include "core/tools/BuiltinSupport.h"
#include "core/tools/Door.h"

namespace sb::tools {

/// shell(command, cwd, timeout_s): a command line for /bin/sh in the sandbox. What it prints is
/// looked through as it comes: a command that prints the value of a known secret is killed at once,
/// with everything that it had started.
class ShellTool final : public BuiltinTool
{
public:
    explicit ShellTool(sandbox::Sandbox& sandbox, leaks::Watch watch = {}, MakeDoor door = {});
    [[nodiscard]] bool isIdempotent() const override { return false; }
    Result<Plan> plan(const QJsonObject& arguments, const Context& context) override;
    Future<Output> run(Permit permit,
                       Plan plan,
                       Context context,
                       std::function<void(const QString&)> progress,
                       std::stop_token stop) override;

private:
    sandbox::Sandbox& m_sandbox;
    leaks::Watch m_watch;
    MakeDoor m_door;
};

} // namespace sb::tools
