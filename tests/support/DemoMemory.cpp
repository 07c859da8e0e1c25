#include "tests/support/DemoMemory.h"

using namespace Qt::StringLiterals;

namespace sb::test {

using namespace protocol;

QString DemoMemory::add(MemoryInfo memory)
{
    if (memory.id.isEmpty()) {
        memory.id = u"mem-%1"_s.arg(m_next, 4, 10, QChar(u'0'));
    }
    ++m_next;
    memory.agent = m_agent;
    memory.createdAt = memory.createdAt == 0 ? memory.knownFrom : memory.createdAt;
    now = std::max(now, memory.knownFrom);
    m_current[memory.id] = m_versions.size();
    m_versions.append(memory);
    ++index.indexed;
    return memory.id;
}

void DemoMemory::addEdge(const QString& from, const QString& to, Relation relation, TimeUs since)
{
    MemoryEdge edge;
    edge.from = from;
    edge.to = to;
    edge.relation = relation;
    edge.by = u"cortex"_s;
    edge.knownFrom = std::max({since, current(from).createdAt, current(to).createdAt});
    m_edges.append(edge);
}

MemoryInfo DemoMemory::current(const QString& id) const
{
    const auto found = m_current.constFind(id);
    return found == m_current.cend() ? MemoryInfo() : m_versions.at(*found);
}

QList<MemoryInfo> DemoMemory::at(const MemoryFilter& filter) const
{
    QList<MemoryInfo> found;
    const TimeUs moment = filter.knownAt;
    for (const auto& memory : m_versions) {
        const bool isKnown = moment == 0 ? memory.knownTo == 0
                                         : memory.knownFrom <= moment &&
                                               (memory.knownTo == 0 || memory.knownTo > moment);
        if (isKnown && (filter.withForgotten || memory.forgottenAt == 0) &&
            (filter.types.isEmpty() || filter.types.contains(memory.type)) &&
            (filter.provenances.isEmpty() || filter.provenances.contains(memory.provenance))) {
            found.append(memory);
        }
    }
    return found;
}

QList<MemoryEdge> DemoMemory::edgesAt(TimeUs moment) const
{
    QList<MemoryEdge> found;
    for (auto edge : m_edges) {
        const bool isKnown =
            moment == 0 ? edge.knownTo == 0
                        : edge.knownFrom <= moment && (edge.knownTo == 0 || edge.knownTo > moment);
        if (isKnown) {
            edge.knownTo = 0;
            found.append(edge);
        }
    }
    return found;
}

Result<GetMemoryGraph::Reply> DemoMemory::answer(const GetMemoryGraph& command) const
{
    GetMemoryGraph::Reply reply;
    reply.memories = at(command.filter);
    reply.edges = edgesAt(command.filter.knownAt);
    reply.isCut = reply.memories.size() > command.limit;
    reply.memories =
        reply.memories.first(std::min<qsizetype>(reply.memories.size(), command.limit));
    for (auto& memory : reply.memories) {
        memory.content = memory.content.left(200);
    }
    return reply;
}

Result<ListMemories::Reply> DemoMemory::answer(const ListMemories& command) const
{
    const auto all = at(command.filter);
    return ListMemories::Reply{all.mid(command.offset, command.limit), all.size()};
}

Result<SearchMemory::Reply> DemoMemory::answer(const SearchMemory& command) const
{
    SearchMemory::Reply reply;
    const auto words = command.words.split(u' ', Qt::SkipEmptyParts);
    for (const auto& memory : at(command.filter)) {
        QStringList met;
        for (const auto& word : words) {
            if (memory.content.contains(word, Qt::CaseInsensitive)) {
                met.append(word);
            }
        }
        if (!met.isEmpty() && reply.hits.size() < command.limit) {
            const int rank = int(reply.hits.size()) + 1;
            reply.hits.append({memory,
                               1.0 / (60 + rank),
                               {{u"text"_s, rank, u"the words "_s + met.join(u", "_s)},
                                {u"vector"_s, rank, u"similarity 0.%1"_s.arg(90 - rank)}}});
        }
    }
    return reply;
}

Result<GetMemory::Reply> DemoMemory::answer(const GetMemory& command) const
{
    if (!m_current.contains(command.id)) {
        return fail(ErrorCode::NotFound, u"There is no memory %1."_s.arg(command.id));
    }
    GetMemory::Reply reply;
    reply.memory = current(command.id);
    for (const auto& version : m_versions) {
        if (version.id == command.id) {
            reply.versions.prepend(version);
        }
    }
    for (const auto& edge : m_edges) {
        if (edge.from == command.id || edge.to == command.id) {
            reply.edges.append(edge);
            reply.neighbours.append(current(edge.from == command.id ? edge.to : edge.from));
        }
    }
    return reply;
}

Result<GetMemoryStats::Reply> DemoMemory::answer(const GetMemoryStats&) const
{
    GetMemoryStats::Reply reply;
    reply.index = index;
    reply.bulletin = bulletin;
    for (const auto& memory : m_versions) {
        reply.first = reply.first == 0 ? memory.createdAt : std::min(reply.first, memory.createdAt);
        reply.last = std::max(reply.last, memory.knownFrom);
        if (memory.knownTo == 0) {
            ++(memory.forgottenAt == 0 ? reply.memories : reply.forgotten);
            reply.untrusted += memory.provenance == Provenance::Untrusted ? 1 : 0;
            reply.suspicious += memory.suspicion.isEmpty() ? 0 : 1;
        }
    }
    reply.edges = edgesAt(0).size();
    return reply;
}

// Ends the version before, when there is one, and begins this.
void DemoMemory::put(MemoryInfo memory, qint64 seq, MemoryChanged& changed)
{
    const auto old = m_current.constFind(memory.id);
    if (old != m_current.cend()) {
        m_before[seq].memories.append(m_versions.at(*old));
        m_versions[*old].knownTo = now;
    } else {
        MemoryInfo none;
        none.id = memory.id;
        m_before[seq].memories.append(none);
        memory.createdAt = now;
        memory.createdSeq = seq;
    }
    memory.agent = m_agent;
    memory.knownFrom = now;
    memory.knownTo = 0;
    memory.seq = seq;
    m_current[memory.id] = m_versions.size();
    m_versions.append(memory);
    changed.memories.append(memory);
}

void DemoMemory::draw(const MemoryEdge& edge, qint64 seq, MemoryChanged& changed)
{
    MemoryEdge drawn = edge;
    drawn.knownFrom = now;
    drawn.knownTo = 0;
    drawn.seq = seq;
    m_edges.append(drawn);
    m_before[seq].drawn.append(drawn);
    changed.edges.append(drawn);
}

void DemoMemory::cut(const MemoryEdge& edge, qint64 seq, MemoryChanged& changed)
{
    for (auto& one : m_edges) {
        if (one.from == edge.from && one.to == edge.to && one.relation == edge.relation &&
            one.knownTo == 0) {
            one.knownTo = now;
            m_before[seq].cut.append(one);
            changed.edges.append(one);
        }
    }
}

Result<MemoryChanged> DemoMemory::answer(const ChangeMemory& command, qint64 seq)
{
    for (const auto& change : command.changes) {
        const bool isEdge = change.op == MemoryOp::Link || change.op == MemoryOp::Cut;
        if (isEdge && change.from == change.to) {
            return fail(ErrorCode::InvalidInput, u"A memory cannot be linked to itself."_s);
        }
        if (change.op == MemoryOp::Edit && !m_current.contains(change.id)) {
            return fail(ErrorCode::NotFound, u"There is no memory %1."_s.arg(change.id));
        }
    }
    MemoryChanged changed{seq, {}, {}};
    now += 1000;
    for (const auto& change : command.changes) {
        MemoryEdge edge;
        edge.from = change.from;
        edge.to = change.to;
        edge.relation = change.relation;
        edge.by = command.by;
        switch (change.op) {
        case MemoryOp::Save:
        case MemoryOp::Edit: {
            MemoryInfo memory = current(change.id);
            if (change.op == MemoryOp::Save) {
                memory.id = u"mem-new-%1"_s.arg(m_next++);
            }
            memory.content = change.content.value_or(memory.content);
            memory.type = change.type.value_or(memory.type);
            memory.importance = change.importance.value_or(memory.importance);
            memory.provenance = change.provenance.value_or(memory.provenance);
            memory.isPinned = change.pinned.value_or(memory.isPinned);
            memory.isPromoted = change.promoted.value_or(memory.isPromoted);
            if (change.forgotten) {
                memory.forgottenAt = *change.forgotten ? now : 0;
            }
            put(memory, seq, changed);
            break;
        }
        case MemoryOp::Link:
            draw(edge, seq, changed);
            break;
        case MemoryOp::Cut:
            cut(edge, seq, changed);
            break;
        }
    }
    return changed;
}

Result<MemoryChanged> DemoMemory::answer(const MergeMemories& command, qint64 seq)
{
    MemoryChanged changed{seq, {}, {}};
    now += 1000;
    put(current(command.ids.first()), seq, changed);
    for (const auto& id : command.ids.mid(1)) {
        MemoryInfo memory = current(id);
        memory.mergedInto = command.ids.first();
        memory.forgottenAt = now;
        put(memory, seq, changed);
    }
    return changed;
}

Result<MemoryChanged> DemoMemory::answer(const SplitMemory& command, qint64 seq)
{
    MemoryChanged changed{seq, {}, {}};
    now += 1000;
    MemoryInfo whole = current(command.id);
    for (const auto& content : command.contents) {
        MemoryInfo part = whole;
        part.id = u"mem-new-%1"_s.arg(m_next++);
        part.content = content;
        put(part, seq, changed);
        MemoryEdge edge;
        edge.from = part.id;
        edge.to = whole.id;
        edge.relation = Relation::PartOf;
        edge.by = command.by;
        draw(edge, seq, changed);
    }
    whole.forgottenAt = now;
    put(whole, seq, changed);
    return changed;
}

Result<MemoryChanged> DemoMemory::answer(const UndoMemoryChange& command, qint64 seq)
{
    if (!m_before.contains(command.seq)) {
        return fail(ErrorCode::NotFound, u"Entry %1 changed no memory."_s.arg(command.seq));
    }
    Before before = m_before.value(command.seq);
    if (before.isTakenBack) {
        return fail(ErrorCode::Conflict, u"It was taken back already."_s);
    }
    m_before[command.seq].isTakenBack = true;
    MemoryChanged changed{seq, {}, {}};
    now += 1000;
    for (auto memory : before.memories) {
        if (memory.knownFrom == 0) { // it was not there
            memory = current(memory.id);
            memory.forgottenAt = now;
        }
        put(memory, seq, changed);
    }
    for (const auto& edge : before.drawn) {
        cut(edge, seq, changed);
    }
    for (const auto& edge : before.cut) {
        draw(edge, seq, changed);
    }
    return changed;
}

} // namespace sb::test
