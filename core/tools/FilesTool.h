#pragma once
#include "core/git/Library.h"
#include "core/tools/BuiltinSupport.h"

namespace sb::tools {

/// file_read(path, offset?, limit?): lines of a text file.
class FileReadTool final : public PoolTool
{
public:
    explicit FileReadTool(Files files);
    [[nodiscard]] bool isIdempotent() const override { return true; }
    Result<Plan> plan(const QJsonObject& arguments, const Context& context) override;

protected:
    Result<Output> perform(const Plan& plan, const Context& context) override;
};

/// file_list(path): what is in one folder.
class FileListTool final : public PoolTool
{
public:
    explicit FileListTool(Files files);
    [[nodiscard]] bool isIdempotent() const override { return true; }
    Result<Plan> plan(const QJsonObject& arguments, const Context& context) override;

protected:
    Result<Output> perform(const Plan& plan, const Context& context) override;
};

/// What file_write and file_edit share: both replace a file's content by another that the plan
/// knows already.
class ReplacingTool : public PoolTool
{
public:
    Result<Plan> plan(const QJsonObject& arguments, const Context& context) final;

protected:
    ReplacingTool(llm::ToolSpec spec, Files files, git::Library& library)
        : PoolTool(std::move(spec), std::move(files)), m_library(library)
    {
    }
    Result<Output> perform(const Plan& plan, const Context& context) final;

    /// The content after, from the arguments and the content before (nothing: no such file).
    virtual Result<QByteArray> after(const QJsonObject& arguments,
                                     const std::optional<QByteArray>& before,
                                     const QString& shown) const = 0;

private:
    git::Library& m_library;
};

/// file_write(path, content): creates or replaces a file.
class FileWriteTool final : public ReplacingTool
{
public:
    FileWriteTool(Files files, git::Library& library);
    [[nodiscard]] bool isIdempotent() const override { return true; }

protected:
    Result<QByteArray> after(const QJsonObject& arguments,
                             const std::optional<QByteArray>& before,
                             const QString& shown) const override;
};

/// file_edit(path, old, new, replace_all?): replaces text that occurs exactly once, or everywhere.
class FileEditTool final : public ReplacingTool
{
public:
    FileEditTool(Files files, git::Library& library);
    // A second time it might replace again what it has just put there.
    [[nodiscard]] bool isIdempotent() const override { return false; }

protected:
    Result<QByteArray> after(const QJsonObject& arguments,
                             const std::optional<QByteArray>& before,
                             const QString& shown) const override;
};

} // namespace sb::tools
