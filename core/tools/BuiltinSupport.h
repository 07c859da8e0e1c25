#pragma once
#include "core/tools/Tool.h"
#include "core/tools/Workspace.h"

#include <QCoreApplication>

/// What the built-in tools share.
namespace sb::tools {

/// A property of a schema.
struct Property
{
    QString name;
    QJsonObject schema;
};
Property textProperty(const char* name, const char* description);
Property integerProperty(const char* name, const char* description, qint64 minimum, qint64 maximum);
Property switchProperty(const char* name, const char* description);
Property listProperty(const char* name, const char* description);

/// Name, description and a strict schema: no other properties than these, the first `required` of
/// them needed.
llm::ToolSpec toolSpec(const char* name,
                       const char* description,
                       const QList<Property>& properties,
                       int required);

/// A tool with its spec.
class BuiltinTool : public Tool
{
public:
    explicit BuiltinTool(llm::ToolSpec spec) : m_spec(std::move(spec)) {}
    [[nodiscard]] const llm::ToolSpec& spec() const override { return m_spec; }

protected:
    /// A plan with what is the same in all: tool, arguments, hosts.
    [[nodiscard]] Plan
    begin(const QJsonObject& arguments, const Context& context, policy::Effect effect) const;

private:
    llm::ToolSpec m_spec;
};

/// What tools that touch files without a sandbox work with.
struct Files
{
    Executor& pool;
    /// The agent's workspace. Errors are those of Sandbox::ground and Workspace::open.
    std::function<Result<Workspace>(const QString& workspace)> open;
};

/// A tool whose run is work that blocks; it is done on the pool.
class PoolTool : public BuiltinTool
{
public:
    PoolTool(llm::ToolSpec spec, Files files)
        : BuiltinTool(std::move(spec)), m_files(std::move(files))
    {
    }
    Future<Output> run(Permit permit,
                       Plan plan,
                       Context context,
                       std::function<void(const QString&)> progress,
                       std::stop_token stop) override;

protected:
    /// Does it. An Error becomes what the model reads.
    virtual Result<Output> perform(const Plan& plan, const Context& context) = 0;
    [[nodiscard]] Result<Workspace> open(const Context& context) const
    {
        return m_files.open(context.workspace);
    }

private:
    Files m_files;
};

/// Where an argument that holds a path leads, put into the plan: paths, subject, leavesWorkspace.
/// An argument that is absent means the workspace itself.
Result<Place> placeOf(const QString& argument,
                      const Workspace& workspace,
                      Plan& plan,
                      LastLink lastLink = LastLink::Follow);

/// An integer argument within bounds; the fallback where it is absent or no number.
qint64 integerOf(
    const QJsonObject& arguments, const QString& name, qint64 fallback, qint64 least, qint64 most);

/// A list of strings; other elements are left out.
QStringList listOf(const QJsonObject& arguments, const QString& name);

/// A failure that the model reads.
Output failure(const QString& text);

/// Terminal escapes, control and bidirectional characters made visible, for texts that a person
/// judges.
QString harmless(const QString& text);
/// The same on one line of at most 200 characters.
QString oneLine(const QString& text);

} // namespace sb::tools
