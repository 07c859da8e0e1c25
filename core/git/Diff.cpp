#include "core/git/RepositoryPrivate.h"

namespace sb::git {

using namespace Qt::StringLiterals;

namespace {

/// Collects the lines of a diff up to the cap.
struct Collector
{
    QByteArray text;
    qint64 maxBytes = 0;
    bool truncated = false;

    static int
    line(const git_diff_delta*, const git_diff_hunk*, const git_diff_line* line, void* self)
    {
        auto& collector = *static_cast<Collector*>(self);
        const bool marked = line->origin == GIT_DIFF_LINE_CONTEXT ||
                            line->origin == GIT_DIFF_LINE_ADDITION ||
                            line->origin == GIT_DIFF_LINE_DELETION;
        if (collector.text.size() + qint64(line->content_len) + 1 > collector.maxBytes) {
            collector.truncated = true;
            return GIT_EUSER; // enough: what follows is not even computed
        }
        if (marked) {
            collector.text.append(line->origin);
        }
        collector.text.append(line->content, qsizetype(line->content_len));
        return 0;
    }
};

} // namespace

Result<Diff> render(git_diff* diff, qint64 maxBytes)
{
    Collector collector;
    collector.maxBytes = maxBytes;
    const int code = git_diff_print(diff, GIT_DIFF_FORMAT_PATCH, Collector::line, &collector);
    if (code < 0 && !collector.truncated) {
        return failed(code, u"The differences could not be worked out"_s);
    }
    git_diff_stats* raw = nullptr;
    SB_GIT(git_diff_get_stats(&raw, diff), "The differences could not be counted");
    const DiffStatsHandle stats(raw);
    Diff result;
    result.text = QString::fromUtf8(collector.text);
    result.truncated = collector.truncated;
    result.files = int(git_diff_stats_files_changed(raw));
    result.insertions = int(git_diff_stats_insertions(raw));
    result.deletions = int(git_diff_stats_deletions(raw));
    return result;
}

Result<Diff> Repository::diff(const DiffRequest& request)
{
    PathList paths(request.paths);
    git_diff_options options;
    git_diff_options_init(&options, GIT_DIFF_OPTIONS_VERSION);
    options.flags =
        GIT_DIFF_DISABLE_PATHSPEC_MATCH | GIT_DIFF_IGNORE_SUBMODULES | GIT_DIFF_INCLUDE_TYPECHANGE;
    options.max_size = 16 << 20; // larger files are only named
    options.pathspec = paths.get();

    git_diff* raw = nullptr;
    if (request.staged) {
        SB_TRY(const TreeHandle tree, headTree(m->get()));
        SB_GIT(git_diff_tree_to_index(&raw, m->get(), tree.get(), nullptr, &options),
               "The staged differences could not be worked out");
    } else {
        SB_GIT(git_diff_index_to_workdir(&raw, m->get(), nullptr, &options),
               "The differences could not be worked out");
    }
    const DiffHandle diff(raw);
    return render(raw, request.maxBytes);
}

Result<Diff> unifiedDiff(Library& library,
                         const std::optional<QByteArray>& before,
                         const std::optional<QByteArray>& after,
                         const QString& path,
                         qint64 maxBytes)
{
    if (before == after) {
        return Diff();
    }
    library.prepare();
    const QByteArray name = path.toUtf8();
    git_diff_options options;
    git_diff_options_init(&options, GIT_DIFF_OPTIONS_VERSION);
    options.max_size = 64 << 20;
    git_patch* raw = nullptr;
    // An absent file is a null buffer without a name; an empty one has a name and no bytes.
    const auto bytes = [](const std::optional<QByteArray>& side) {
        return side ? side->constData() : nullptr;
    };
    const auto size = [](const std::optional<QByteArray>& side) {
        return side ? size_t(side->size()) : 0;
    };
    SB_GIT(git_patch_from_buffers(&raw,
                                  bytes(before),
                                  size(before),
                                  name.constData(),
                                  bytes(after),
                                  size(after),
                                  name.constData(),
                                  &options),
           "The differences could not be worked out");
    const PatchHandle patch(raw);
    Collector collector;
    collector.maxBytes = maxBytes;
    if (const int code = git_patch_print(raw, Collector::line, &collector);
        code < 0 && !collector.truncated) {
        return failed(code, u"The differences could not be worked out"_s);
    }
    size_t added = 0;
    size_t removed = 0;
    SB_GIT(git_patch_line_stats(nullptr, &added, &removed, raw),
           "The differences could not be counted");
    Diff result;
    result.text = QString::fromUtf8(collector.text);
    result.truncated = collector.truncated;
    result.files = 1;
    result.insertions = int(added);
    result.deletions = int(removed);
    return result;
}

} // namespace sb::git
