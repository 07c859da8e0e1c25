#include "core/tools/FilesTool.h"

#include "core/git/Repository.h"

namespace sb::tools {

using namespace Qt::StringLiterals;

namespace {

constexpr qint64 kMostLines = 2000;
constexpr qint64 kMostBytes = 64 << 10;
constexpr qint64 kLargestFile = 16 << 20; // of what is written, and of what a before-image is kept
constexpr int kMostEntries = 1000;

QString translated(const char* text)
{
    return QCoreApplication::translate("sb::tools::Files", text);
}

/// Files of a repository's own are a way out of the sandbox: git on the other side runs what its
/// configuration and its hooks name.
bool isOfRepository(const QString& relative)
{
    const auto parts = relative.split(u'/');
    return std::ranges::any_of(parts, [](const QString& part) {
        return part.compare(".git"_L1, Qt::CaseInsensitive) == 0;
    });
}

QString sizeText(qint64 bytes)
{
    return bytes == 1 ? u"1 byte"_s : u"%1 bytes"_s.arg(bytes);
}

/// The text, with a mark for each byte that is no UTF-8.
QString decoded(QByteArrayView bytes, bool* valid)
{
    *valid = bytes.isValidUtf8();
    if (bytes.startsWith("\xef\xbb\xbf")) {
        bytes = bytes.sliced(3);
    }
    return QString::fromUtf8(bytes);
}

} // namespace

// --- file_read

FileReadTool::FileReadTool(Files files)
    : PoolTool(
          toolSpec(
              "file_read",
              "Reads a text file of the workspace, exactly as it is, without line numbers. At most "
              "2000 "
              "lines or 64 KiB come back at once; a note at the end says how to read on.",
              {textProperty("path", "The file, relative to the workspace."),
               integerProperty("offset", "First line to read, counted from 1.", 1, 1'000'000'000),
               integerProperty("limit", "How many lines to read; 2000 at most.", 1, kMostLines)},
              1),
          std::move(files))
{
}

Result<Plan> FileReadTool::plan(const QJsonObject& arguments, const Context& context)
{
    Plan plan = begin(arguments, context, policy::Effect::ReadWorkspace);
    SB_TRY(const Workspace workspace, open(context));
    SB_CHECK(placeOf(arguments.value(u"path"_s).toString(), workspace, plan));
    //: %1 is a file
    plan.command = translated("Read %1").arg(oneLine(plan.action.subject));
    return plan;
}

Result<Output> FileReadTool::perform(const Plan& plan, const Context& context)
{
    SB_TRY(const Workspace workspace, open(context));
    const QString& path = plan.action.subject;
    const qint64 first = integerOf(plan.arguments, u"offset"_s, 1, 1, 1'000'000'000);
    const qint64 limit = integerOf(plan.arguments, u"limit"_s, kMostLines, 1, kMostLines);
    SB_TRY(const Excerpt excerpt, workspace.readLines(path, first, limit, kMostBytes));

    Output output;
    output.facts = {{u"path"_s, path}, {u"size"_s, excerpt.size}};
    if (excerpt.binary) {
        output.facts.insert(u"binary"_s, true);
        output.text = u"%1 is a binary file of %2; it cannot be shown as text."_s.arg(
            path, sizeText(excerpt.size));
        output.isError = true;
        return output;
    }
    output.facts.insert(u"lines"_s, excerpt.lines);
    if (excerpt.bytes.isEmpty()) {
        output.text = excerpt.linesBefore < first - 1 || excerpt.size > 0
                          ? u"[The file has no line %1; its last is %2.]"_s.arg(first).arg(
                                excerpt.linesBefore)
                          : u"[The file is empty.]"_s;
        return output;
    }
    bool valid = true;
    output.text = decoded(excerpt.bytes, &valid);
    QStringList notes;
    if (!valid) {
        output.facts.insert(u"valid_utf8"_s, false);
        notes.append(u"The file is not valid UTF-8; what cannot be decoded is shown as U+FFFD, and "
                     "file_edit refuses such a file."_s);
    }
    const qint64 last = first + excerpt.lines - 1;
    if (excerpt.lineCut) {
        notes.append(u"Line %1 is longer than 64 KiB and was cut."_s.arg(last));
    }
    if (!excerpt.atEnd) {
        output.facts.insert(u"truncated"_s, true);
        notes.append(u"These are lines %1 to %2 of a file of %3. Go on with offset %4."_s.arg(first)
                         .arg(last)
                         .arg(sizeText(excerpt.size))
                         .arg(last + 1));
    }
    if (!notes.isEmpty()) {
        output.text += (output.text.endsWith(u'\n') ? u"["_s : u"\n["_s) + notes.join(u' ') + u']';
    }
    return output;
}

// --- file_list

FileListTool::FileListTool(Files files)
    : PoolTool(
          toolSpec("file_list",
                   "Lists one folder of the workspace: folders first, then files with their size "
                   "in bytes. "
                   "Hidden entries are listed too.",
                   {textProperty("path",
                                 "The folder, relative to the workspace; \".\" is the workspace.")},
                   0),
          std::move(files))
{
}

Result<Plan> FileListTool::plan(const QJsonObject& arguments, const Context& context)
{
    Plan plan = begin(arguments, context, policy::Effect::ReadWorkspace);
    SB_TRY(const Workspace workspace, open(context));
    SB_CHECK(placeOf(arguments.value(u"path"_s).toString(u"."_s), workspace, plan));
    //: %1 is a folder
    plan.command = translated("List %1").arg(oneLine(plan.action.subject));
    return plan;
}

Result<Output> FileListTool::perform(const Plan& plan, const Context& context)
{
    SB_TRY(const Workspace workspace, open(context));
    SB_TRY(const Listing listing, workspace.list(plan.action.subject, kMostEntries));
    QStringList lines;
    qsizetype size = 0;
    qsizetype shown = 0;
    for (const FolderEntry& entry : listing.entries) {
        QString line = entry.name;
        switch (entry.kind) {
        case FolderEntry::Kind::Folder:
            line += u'/';
            break;
        case FolderEntry::Kind::File:
            line += u"  %1"_s.arg(entry.size);
            break;
        case FolderEntry::Kind::Link:
            line += u" -> "_s + entry.target;
            break;
        case FolderEntry::Kind::Other:
            line += u"  (special)"_s;
            break;
        }
        // A name may hold anything but a slash and NUL; on its line it must not pass for another
        // entry.
        line.replace(u'\n', QChar(0xfffd));
        size += line.size() + 1;
        if (size > kMostBytes) {
            break;
        }
        lines.append(line);
        ++shown;
    }
    Output output;
    output.text = listing.total == 0 ? u"[The folder is empty.]"_s : lines.join(u'\n');
    if (shown < listing.total) {
        output.text +=
            u"\n[%1 more entries are not shown; file_search finds files by their content.]"_s.arg(
                listing.total - shown);
        output.facts.insert(u"truncated"_s, true);
    }
    output.facts.insert(u"path"_s, plan.action.subject);
    output.facts.insert(u"entries"_s, listing.total);
    return output;
}

// --- file_write and file_edit

Result<Plan> ReplacingTool::plan(const QJsonObject& arguments, const Context& context)
{
    Plan plan = begin(arguments, context, policy::Effect::WriteWorkspace);
    SB_TRY(const Workspace workspace, open(context));
    SB_TRY(const Place place, placeOf(arguments.value(u"path"_s).toString(), workspace, plan));
    const QString shown = oneLine(plan.action.subject);
    //: %1 is a file
    plan.command = translated("Write %1").arg(shown);
    if (place.leavesWorkspace) {
        return plan; // the gate forbids it; what lies there is not even looked at
    }
    if (place.relative == "."_L1) {
        return fail(ErrorCode::InvalidInput,
                    u"The path is the workspace itself, not a file in it."_s);
    }
    if (isOfRepository(place.relative)) {
        return fail(
            ErrorCode::Forbidden,
            u"Files in .git are changed by the git tools only, because git would run what they "
            "name outside of the sandbox."_s);
    }
    SB_TRY(const std::optional<QByteArray> before, workspace.read(place.relative, kLargestFile));
    SB_TRY(const QByteArray content, after(arguments, before, place.relative));
    if (content.size() > kLargestFile) {
        return fail(ErrorCode::InvalidInput,
                    u"The content is larger than 16 MiB, too large for this tool."_s);
    }
    SB_TRY(const git::Diff diff, git::unifiedDiff(m_library, before, content, place.relative));
    plan.diff = harmless(diff.text);
    if (diff.truncated) {
        plan.diff += translated("… the rest of the differences is not shown.") + u'\n';
    }
    plan.command =
        before
            //: %1 is a file, %2 and %3 are numbers of lines
            ? translated("Change %1 (+%2 -%3)").arg(shown).arg(diff.insertions).arg(diff.deletions)
            //: %1 is a file, %2 is a number of lines
            : translated("Create %1 (+%2)").arg(shown).arg(diff.insertions);
    plan.digests.insert(place.absolute, before ? digestOf(*before) : QString());
    plan.before.insert(place.absolute, before);
    plan.after.insert(place.absolute, digestOf(content));
    return plan;
}

Result<Output> ReplacingTool::perform(const Plan& plan, const Context& context)
{
    SB_TRY(const Workspace workspace, open(context));
    const QString absolute = plan.paths.value(0);
    const auto found = plan.before.constFind(absolute);
    if (plan.action.leavesWorkspace || found == plan.before.constEnd()) {
        return fail(ErrorCode::Forbidden, u"Nothing is written outside of the workspace."_s);
    }
    const QString& path = plan.action.subject;
    const std::optional<QByteArray>& before = found.value();
    SB_TRY(const QByteArray content, after(plan.arguments, before, path));
    Output output;
    output.facts = {
        {u"path"_s, path}, {u"size"_s, content.size()}, {u"created"_s, !before.has_value()}};
    if (before == content) {
        output.text = u"%1 has this content already; nothing was changed."_s.arg(path);
        output.facts.insert(u"changed"_s, false);
        return output;
    }
    SB_CHECK(workspace.write(path, content, plan.digests.value(absolute)));
    SB_TRY(const git::Diff diff, git::unifiedDiff(m_library, before, content, path, 0));
    output.facts.insert(u"insertions"_s, diff.insertions);
    output.facts.insert(u"deletions"_s, diff.deletions);
    output.text = before ? u"%1 was changed: %2 lines added, %3 removed."_s.arg(path)
                               .arg(diff.insertions)
                               .arg(diff.deletions)
                         : u"%1 was created with %2."_s.arg(path, sizeText(content.size()));
    return output;
}

FileWriteTool::FileWriteTool(Files files, git::Library& library)
    : ReplacingTool(
          toolSpec(
              "file_write",
              "Creates a file in the workspace or replaces its whole content; missing folders are "
              "made. To change a part of a file use file_edit.",
              {textProperty("path", "The file, relative to the workspace."),
               textProperty("content", "The whole new content, written exactly as given.")},
              2),
          std::move(files),
          library)
{
}

Result<QByteArray> FileWriteTool::after(const QJsonObject& arguments,
                                        const std::optional<QByteArray>&,
                                        const QString&) const
{
    const QJsonValue content = arguments.value(u"content"_s);
    if (!content.isString() || !content.toString().isValidUtf16()) {
        return fail(ErrorCode::InvalidInput, u"The content is no valid text."_s);
    }
    return content.toString().toUtf8();
}

FileEditTool::FileEditTool(Files files, git::Library& library)
    : ReplacingTool(
          toolSpec(
              "file_edit",
              "Replaces text in a file of the workspace. \"old\" must occur exactly once, letter "
              "for "
              "letter with its whitespace, unless replace_all is set; give enough lines around the "
              "change. Line ends (LF or CRLF) are kept as the file has them.",
              {textProperty("path", "The file, relative to the workspace."),
               textProperty("old", "The text to replace."),
               textProperty("new", "The text to put in its place; may be empty."),
               switchProperty("replace_all", "Replace every occurrence.")},
              3),
          std::move(files),
          library)
{
}

namespace {

/// LF to CRLF, where it is not CRLF already.
QByteArray withCrLf(const QByteArray& text)
{
    QByteArray result = text;
    return result.replace("\r\n", "\n").replace("\n", "\r\n");
}

/// Whether every line of a file with lines ends in CRLF.
bool usesCrLf(const QByteArray& bytes)
{
    const qsizetype lines = bytes.count('\n');
    return lines > 0 && bytes.count("\r\n") == lines;
}

qint64 lineOf(const QByteArray& bytes, qsizetype position)
{
    return QByteArrayView(bytes).first(position).count('\n') + 1;
}

/// The line of the file that looks most like the first line that was sought, for a hint; empty when
/// none does.
QString nearestLine(const QByteArray& bytes, const QByteArray& old)
{
    const auto squeezed = [](const QByteArray& line) { return line.simplified(); };
    QByteArray sought;
    for (const QByteArray& line : old.split('\n')) {
        sought = squeezed(line);
        if (!sought.isEmpty()) {
            break;
        }
    }
    if (sought.size() < 3) {
        return {};
    }
    const auto common = [&sought](const QByteArray& line) {
        const qsizetype most = std::min(line.size(), sought.size());
        qsizetype front = 0;
        while (front < most && line.at(front) == sought.at(front)) {
            ++front;
        }
        qsizetype back = 0;
        while (back < most - front &&
               line.at(line.size() - 1 - back) == sought.at(sought.size() - 1 - back)) {
            ++back;
        }
        return front + back;
    };
    qsizetype best = sought.size() / 2; // less than half alike is no hint
    qint64 bestNumber = 0;
    QByteArray bestLine;
    qint64 number = 0;
    for (const QByteArray& line : bytes.split('\n')) {
        ++number;
        const qsizetype alike = common(squeezed(line));
        if (alike > best) {
            best = alike;
            bestNumber = number;
            bestLine = line;
        }
    }
    return bestNumber == 0 ? QString()
                           : u" Line %1 comes nearest: %2"_s.arg(bestNumber)
                                 .arg(QString::fromUtf8(bestLine.left(200)));
}

} // namespace

Result<QByteArray> FileEditTool::after(const QJsonObject& arguments,
                                       const std::optional<QByteArray>& before,
                                       const QString& shown) const
{
    const auto invalid = [](const QString& why) { return fail(ErrorCode::InvalidInput, why); };
    if (!before) {
        return fail(ErrorCode::NotFound,
                    u"There is no %1 in the workspace; file_write creates files."_s.arg(shown));
    }
    const QString oldText = arguments.value(u"old"_s).toString();
    const QString newText = arguments.value(u"new"_s).toString();
    if (oldText.isEmpty()) {
        return invalid(u"\"old\" is empty; give the text to replace, or use file_write."_s);
    }
    if (!oldText.isValidUtf16() || !newText.isValidUtf16()) {
        return invalid(u"\"old\" or \"new\" is no valid text."_s);
    }
    if (looksBinary(*before) || !before->isValidUtf8()) {
        return invalid(u"%1 is not a UTF-8 text file; an edit might damage it."_s.arg(shown));
    }
    QByteArray sought = oldText.toUtf8();
    QByteArray put = newText.toUtf8();
    // Models write LF; a file that has CRLF throughout keeps it.
    if (usesCrLf(*before)) {
        sought = withCrLf(sought);
        put = withCrLf(put);
    }
    if (sought == put) {
        return invalid(u"\"old\" and \"new\" are the same."_s);
    }
    const bool everywhere = arguments.value(u"replace_all"_s).toBool();
    const qsizetype step = everywhere ? sought.size() : 1; // overlapping ones are ambiguous as well
    QStringList lines;
    qsizetype count = 0;
    for (qsizetype at = before->indexOf(sought); at >= 0; at = before->indexOf(sought, at + step)) {
        if (++count <= 10) {
            lines.append(QString::number(lineOf(*before, at)));
        }
    }
    if (count == 0) {
        return invalid(
            u"\"old\" does not occur in %1; it must match letter for letter."_s.arg(shown) +
            nearestLine(*before, sought));
    }
    if (count > 1 && !everywhere) {
        return invalid(u"\"old\" occurs %1 times in %2 (lines %3%4); add lines around it so that "
                       u"it is unique, "
                       "or set replace_all."_s.arg(count)
                           .arg(shown, lines.join(u", "_s), count > 10 ? u" …"_s : QString()));
    }
    if (before->size() + count * (put.size() - sought.size()) > kLargestFile) {
        return invalid(u"The file would grow beyond 16 MiB."_s);
    }
    QByteArray result = *before;
    return result.replace(sought, put);
}

} // namespace sb::tools
