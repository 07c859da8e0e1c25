#pragma once
#include "core/git/Repository.h"
#include "core/tools/BuiltinSupport.h"

namespace sb::tools {

/// git_status(): branch and what differs.
class GitStatusTool final : public PoolTool
{
public:
    GitStatusTool(Files files, git::Library& library);
    [[nodiscard]] bool isIdempotent() const override { return true; }
    Result<Plan> plan(const QJsonObject& arguments, const Context& context) override;

protected:
    Result<Output> perform(const Plan& plan, const Context& context) override;

private:
    git::Library& m_library;
};

/// git_diff(path?, staged?): what differs, as a unified diff.
class GitDiffTool final : public PoolTool
{
public:
    GitDiffTool(Files files, git::Library& library);
    [[nodiscard]] bool isIdempotent() const override { return true; }
    Result<Plan> plan(const QJsonObject& arguments, const Context& context) override;

protected:
    Result<Output> perform(const Plan& plan, const Context& context) override;

private:
    git::Library& m_library;
};

/// git_commit(message, paths?): one commit of what changed. The plan names the tree that the commit
/// will have, so what a person saw is what is committed, or nothing.
class GitCommitTool final : public PoolTool
{
public:
    GitCommitTool(Files files, git::Library& library);
    [[nodiscard]] bool isIdempotent() const override { return false; }
    Result<Plan> plan(const QJsonObject& arguments, const Context& context) override;

protected:
    Result<Output> perform(const Plan& plan, const Context& context) override;

private:
    git::Library& m_library;
};

} // namespace sb::tools
