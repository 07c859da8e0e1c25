#include "core/memory/Draft.h"

#include "core/base/Ids.h"
#include "core/memory/DraftParts.h"
#include "core/memory/MemoryRows.h"

#include <QRegularExpression>
#include <QSet>

namespace sb::memory {

using protocol::MemoryChange;
using protocol::MemoryEdge;
using protocol::MemoryInfo;
using protocol::MemoryOp;
using protocol::Provenance;
using protocol::Relation;
using namespace Qt::StringLiterals;

namespace {

constexpr taint::Labels untrustedLabels{
    taint::Label::ExternalNetwork, taint::Label::UntrustedFile, taint::Label::UntrustedAgent};
/// The strongest edges of a memory go over to those that take its place; more would not fit.
constexpr qsizetype mostEdgesCopied = 300;

int trustOf(Provenance provenance)
{
    switch (provenance) {
    case Provenance::Owner:
        return 2;
    case Provenance::Agent:
    case Provenance::System:
        return 1;
    case Provenance::Untrusted:
        break;
    }
    return 0;
}

} // namespace

Result<Content> contentFrom(const QString& text,
                            const std::function<QString(const QString&)>& suspicious)
{
    if (text.size() > MostCharacters) {
        return invalid(u"A memory holds at most %1 characters, and this one has %2: save it in "
                       "several, or have it read in as a file."_s.arg(MostCharacters)
                           .arg(text.size()));
    }
    // Half characters and NUL come back from the database as something else.
    Content content{QString::fromUtf8(text.toUtf8()), {}};
    content.text.remove(QChar::Null);
    while (!content.text.isEmpty() && content.text.back().isSpace()) {
        content.text.chop(1);
    }
    if (content.text.isEmpty()) {
        return invalid(u"A memory needs a content."_s);
    }
    if (suspicious) {
        content.suspicion = suspicious(content.text);
    }
    return content;
}

Draft::Draft(store::Connection& connection, Origin origin, bool isQuoted)
    : m_connection(connection), m_origin(std::move(origin)), m_isQuoted(isQuoted)
{
}

std::optional<Draft::Version> Draft::readVersion(const QString& id, qint64 seq)
{
    std::optional<Version> version;
    const QString agent = agentOf(m_connection);
    store::forEachRow(
        m_connection,
        "SELECT " SB_MEMORY_COLUMNS " FROM " SB_MEMORY_TABLES
        " WHERE m.id = ? AND m.seq <= ? ORDER BY m.seq DESC LIMIT 1",
        [&](SQLite::Statement& row) {
            version = {infoFrom(row, agent), sourcesFromText(store::text(row, sourcesColumn)), {}};
        },
        id,
        seq);
    return version;
}

Draft::Touched<Draft::Version>* Draft::touch(const QString& id)
{
    const auto found = m_memories.find(id);
    if (found != m_memories.end()) {
        return &found->second;
    }
    auto version = readVersion(id, std::numeric_limits<qint64>::max());
    if (!version) {
        return nullptr;
    }
    m_order.append(id);
    return &(m_memories[id] = {version, version});
}

Result<Draft::Version*> Draft::known(const QString& id)
{
    auto* const touched = touch(id);
    if (touched == nullptr) {
        return fail(ErrorCode::NotFound, u"There is no memory %1."_s.arg(id));
    }
    return &*touched->after;
}

Result<Draft::Version*> Draft::remembered(const QString& id)
{
    SB_TRY(Version * version, known(id));
    if (version->info.forgottenAt != 0) {
        return fail(ErrorCode::Conflict,
                    u"The memory %1 is forgotten: remember it first."_s.arg(id));
    }
    if (!version->info.mergedInto.isEmpty()) {
        return fail(ErrorCode::Conflict,
                    u"The memory %1 was merged into %2, which stands for it now."_s.arg(
                        id, version->info.mergedInto));
    }
    return version;
}

Draft::Touched<MemoryEdge>& Draft::touch(const EdgeKey& key)
{
    const auto found = m_edges.find(key);
    if (found != m_edges.end()) {
        return found->second;
    }
    std::optional<MemoryEdge> edge;
    store::forEachRow(
        m_connection,
        "SELECT " SB_EDGE_COLUMNS " FROM memory_edge e WHERE e.from_id = ? AND e.to_id = ? AND "
        "e.relation = ? AND e.known_to = 0",
        [&](SQLite::Statement& row) { edge = edgeFrom(row); },
        key.from,
        key.to,
        enumName(key.relation));
    return m_edges[key] = {edge, edge};
}

QList<MemoryEdge> Draft::edgesOf(const QString& id)
{
    for (const MemoryEdge& edge : readEdges(m_connection, {id}, {})) {
        touch(EdgeKey{edge.from, edge.to, edge.relation});
    }
    QList<MemoryEdge> edges;
    for (const auto& [key, touched] : m_edges) {
        if (touched.after && (key.from == id || key.to == id)) {
            edges.append(*touched.after);
        }
    }
    return edges;
}

Draft::Version& Draft::add(const QString& id, Version version)
{
    m_order.append(id);
    version.info.id = id;
    return *(m_memories[id] = {std::nullopt, std::move(version)}).after;
}

Result<QString> Draft::change(const MemoryChange& change, const std::optional<Content>& content)
{
    switch (change.op) {
    case MemoryOp::Save:
        if (!content) {
            return invalid(u"A memory needs a content."_s);
        }
        return save(change, *content);
    case MemoryOp::Edit:
        SB_CHECK(edit(change, content));
        return change.id;
    case MemoryOp::Link:
        SB_CHECK(link(change));
        return QString();
    case MemoryOp::Cut:
        SB_CHECK(cut(change));
        return QString();
    }
    return QString();
}

Result<QString> Draft::save(const MemoryChange& change, const Content& content)
{
    static const QRegularExpression idForm(u"\\A[A-Za-z0-9][A-Za-z0-9_-]{0,63}\\z"_s);
    const QString id = change.id.isEmpty() ? newId("mem"_L1) : change.id;
    if (!idForm.match(id).hasMatch()) {
        return invalid(u"A memory's id has at most 64 letters, digits, - and _."_s);
    }
    if (touch(id) != nullptr) {
        return fail(ErrorCode::Conflict, u"There is a memory %1 already."_s.arg(id));
    }
    if (change.forgotten.value_or(false) || change.mergedInto) {
        return invalid(u"A memory is saved before it is forgotten or merged."_s);
    }
    Version version;
    version.info.type = change.type.value_or(protocol::MemoryType::Fact);
    version.info.importance = protocol::standardImportance(version.info.type);
    version.info.provenance = isOwners() && !m_isQuoted ? Provenance::Owner : Provenance::Agent;
    version.info.source = change.source.value_or(protocol::MemorySource());
    if (!change.source) {
        version.info.source.process = m_origin.process;
        version.info.source.entry = m_origin.cause.toLongLong(); // 0 for one of another chain
    }
    setContent(version, content);
    SB_CHECK(setFields(version, change));
    settleProvenance(version);
    add(id, std::move(version));
    return id;
}

Result<> Draft::edit(const MemoryChange& change, const std::optional<Content>& content)
{
    SB_TRY(Version * version, known(change.id));
    MemoryChange only;
    only.op = MemoryOp::Edit;
    only.id = change.id;
    only.forgotten = true;
    if (version->info.forgottenAt != 0 && change == only) {
        return {};
    }
    if (version->info.forgottenAt != 0 && change.forgotten.value_or(true)) {
        SB_CHECK(remembered(change.id));
    }
    if (!version->info.mergedInto.isEmpty() && !change.mergedInto) {
        SB_CHECK(remembered(change.id));
    }
    if (content && content->text != version->info.content) {
        setContent(*version, *content);
        version->info.provenance =
            isOwners() ? Provenance::Owner
                       : std::min(version->info.provenance, Provenance::Agent, [](auto a, auto b) {
                             return trustOf(a) < trustOf(b);
                         });
        version->info.isPromoted = version->info.isPromoted && isOwners();
    }
    SB_CHECK(setFields(*version, change));
    if (content) {
        settleProvenance(*version);
    }
    return {};
}

void Draft::setContent(Version& version, const Content& content)
{
    version.info.content = content.text;
    version.info.suspicion = isOwners() && !m_isQuoted ? QString() : content.suspicion;
    version.sources = taint::condensed(version.sources + m_origin.sources);
}

Result<> Draft::setFields(Version& version, const MemoryChange& change)
{
    MemoryInfo& info = version.info;
    info.type = change.type.value_or(info.type);
    info.importance = change.importance.value_or(info.importance);
    info.isPinned = change.pinned.value_or(info.isPinned);
    if (change.provenance) {
        SB_CHECK(setProvenance(version, *change.provenance));
    }
    if (change.promoted.value_or(false) && !info.isPromoted && !isOwners()) {
        return fail(ErrorCode::Forbidden, u"Only the owner can promote a memory."_s);
    }
    info.isPromoted = change.promoted.value_or(info.isPromoted);
    info.validFrom = change.validFrom.value_or(info.validFrom);
    if (change.validTo) {
        setTo(info.validTo, *change.validTo, version.now, validToField);
    }
    if (change.forgotten && !*change.forgotten) {
        setTo(info.forgottenAt, 0, version.now, forgottenAtField);
    } else if (change.forgotten && info.forgottenAt == 0) {
        setToNow(info.forgottenAt, version.now, forgottenAtField);
    }
    info.mergedInto = change.mergedInto.value_or(info.mergedInto);
    return {};
}

Result<> Draft::setProvenance(Version& version, Provenance provenance)
{
    if (!isOwners() && trustOf(provenance) > trustOf(version.info.provenance)) {
        return fail(ErrorCode::Forbidden, u"Only the owner can vouch for more of a memory."_s);
    }
    version.info.provenance = provenance;
    return {};
}

/// What came from strangers, or talks to the agent, has nobody who vouches for it, unless the owner
/// wrote it.
void Draft::settleProvenance(Version& version)
{
    const bool isStrange = !(taint::joined(version.sources) & untrustedLabels).isEmpty();
    if ((m_isQuoted || !isOwners()) && (isStrange || !version.info.suspicion.isEmpty())) {
        version.info.provenance = Provenance::Untrusted;
    }
}

Result<> Draft::link(const MemoryChange& change)
{
    if (change.from == change.to) {
        return invalid(u"A memory cannot have an edge to itself."_s);
    }
    if (!isShare(change.weight)) {
        return invalid(u"An edge's weight lies between 0 and 1."_s);
    }
    SB_TRY(Version * newer, remembered(change.from));
    SB_TRY(Version * older, remembered(change.to));
    const EdgeKey key{change.from, change.to, change.relation};
    const bool isNew = !touch(key).after;
    if (isNew || touch(key).after->weight != change.weight) {
        draw(key, change.weight);
    }
    if (isNew &&
        (change.relation == Relation::Updates || change.relation == Relation::Contradicts)) {
        closeValidity(*older, *newer);
    }
    return {};
}

void Draft::closeValidity(Version& older, const Version& newer)
{
    // A stranger's claim stands beside what somebody vouches for; it does not end it.
    if (older.info.validTo != 0 || (trustOf(newer.info.provenance) == 0 &&
                                    trustOf(older.info.provenance) > 0 && !isOwners())) {
        return;
    }
    if (newer.info.validFrom != 0 && newer.info.validFrom > older.info.validFrom) {
        older.info.validTo = newer.info.validFrom;
    } else {
        setToNow(older.info.validTo, older.now, validToField);
    }
}

void Draft::draw(const EdgeKey& key, double weight)
{
    MemoryEdge edge;
    edge.from = key.from;
    edge.to = key.to;
    edge.relation = key.relation;
    edge.weight = weight;
    edge.by = m_origin.by;
    touch(key).after = edge;
}

Result<> Draft::cut(const MemoryChange& change)
{
    SB_CHECK(known(change.from));
    SB_CHECK(known(change.to));
    auto& touched = touch(EdgeKey{change.from, change.to, change.relation});
    if (!touched.after) {
        return fail(ErrorCode::NotFound,
                    u"There is no such edge from %1 to %2."_s.arg(change.from, change.to));
    }
    touched.after.reset();
    return {};
}

void Draft::copyEdges(const QString& from, const QString& to, qsizetype most)
{
    auto edges = edgesOf(from);
    std::ranges::stable_sort(edges, std::greater(), &MemoryEdge::weight);
    for (const MemoryEdge& edge : edges.first(std::min(most, edges.size()))) {
        const QString& other = edge.from == from ? edge.to : edge.from;
        const auto* const end = touch(other);
        if (other == to || end == nullptr || isHidden(end->after->info)) {
            continue;
        }
        const EdgeKey key = edge.from == from ? EdgeKey{to, other, edge.relation}
                                              : EdgeKey{other, to, edge.relation};
        if (const auto& there = touch(key).after; !there || there->weight < edge.weight) {
            draw(key, edge.weight);
        }
    }
}

Result<> Draft::merge(const QStringList& ids, const std::optional<Content>& content)
{
    if (QSet<QString>(ids.begin(), ids.end()).size() != ids.size()) {
        return invalid(u"A memory cannot be merged into itself."_s);
    }
    if (ids.size() < 2) {
        return invalid(u"A merge needs two memories or more."_s);
    }
    SB_TRY(Version * first, remembered(ids.first()));
    for (const QString& id : ids.sliced(1)) {
        SB_TRY(Version * other, remembered(id));
        if (trustOf(first->info.provenance) == 0 && trustOf(other->info.provenance) > 0 &&
            !isOwners()) {
            return fail(ErrorCode::Forbidden,
                        u"The memory %1, which nobody vouches for, cannot stand for %2."_s.arg(
                            ids.first(), id));
        }
        other->info.mergedInto = ids.first();
        if (content) {
            first->sources = first->sources + other->sources;
        }
    }
    // Only now, so that an edge between two of them is not taken over.
    for (const QString& id : ids.sliced(1)) {
        copyEdges(id, ids.first(), mostEdgesCopied / (ids.size() - 1));
    }
    if (content) {
        MemoryChange change;
        change.op = MemoryOp::Edit;
        change.id = ids.first();
        return edit(change, content);
    }
    return {};
}

Result<> Draft::split(const QString& id, const QList<Content>& contents)
{
    if (contents.size() < 2) {
        return invalid(u"A memory is split into two or more."_s);
    }
    SB_TRY(Version * whole, remembered(id));
    QStringList parts;
    for (const Content& content : contents) {
        Version part = *whole;
        part.now.clear();
        part.info.createdAt = 0;
        part.info.createdSeq = 0;
        setContent(part, content);
        // A part of a stranger's text is a stranger's, whoever cut it.
        part.info.suspicion =
            part.info.provenance == Provenance::Owner ? QString() : content.suspicion;
        part.info.isPromoted = part.info.isPromoted && isOwners();
        settleProvenance(part);
        parts.append(newId("mem"_L1));
        add(parts.last(), std::move(part));
    }
    for (const QString& part : parts) {
        copyEdges(id, part, mostEdgesCopied / parts.size());
    }
    for (const QString& part : parts) {
        draw({part, id, Relation::PartOf}, 1);
    }
    SB_TRY(whole, known(id));
    setToNow(whole->info.forgottenAt, whole->now, forgottenAtField);
    return {};
}

} // namespace sb::memory
