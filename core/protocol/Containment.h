#pragma once
#include "core/protocol/Values.h"

/// What an agent cannot do, as tried; what it may reach; and what a person gave it for good.
namespace sb::protocol {

/// One claim of containment, tried for real.
struct ProbeInfo
{
    QString id;
    QString question; ///< "Can a command read files of your home?"
    QString verdict;  ///< "held", "open", or "unknown" where it could not be tried
    QString by;       ///< what holds it
    QString detail;   ///< what the attempt came to
    qint64 ms = 0;
    bool operator==(const ProbeInfo&) const = default;
    template <class S, class V>
    static void fields(S& s, V&& v)
    {
        v("id", s.id);
        v("question", s.question);
        v("verdict", s.verdict);
        v("by", s.by);
        v("detail", s.detail);
        v("ms", s.ms);
    }
};

/// A standing permission that a person gave, until it is taken back.
struct GrantInfo
{
    QString id;
    QString kind; ///< "network"
    QString what; ///< "host:port"
    QString by;
    TimeUs at = 0;
    qint64 seq = 0;       ///< of the config.changed that holds it
    TimeUs revokedAt = 0; ///< 0 while it is in force
    bool operator==(const GrantInfo&) const = default;
    template <class S, class V>
    static void fields(S& s, V&& v)
    {
        v("id", s.id);
        v("kind", s.kind);
        v("what", s.what);
        v("by", s.by);
        v("at", s.at);
        v("seq", s.seq);
        v("revoked_at", s.revokedAt);
    }
};

struct ContainmentInfo
{
    QString agent;
    QString problem; ///< why no command can run here; empty: they can
    QString remark;  ///< what is weaker here than it could be
    QList<ProbeInfo> probes;
    QStringList hosts; ///< the network list of signalbox.yaml
    QList<GrantInfo> grants;
    qint64 requests = 0; ///< through the egress proxy since the program started
    qint64 refused = 0;
    qint64 bytesIn = 0;
    qint64 bytesOut = 0;
    TimeUs probedAt = 0; ///< 0: not yet
    bool operator==(const ContainmentInfo&) const = default;
    template <class S, class V>
    static void fields(S& s, V&& v)
    {
        v("agent", s.agent);
        v("problem", s.problem);
        v("remark", s.remark);
        v("probes", s.probes);
        v("hosts", s.hosts);
        v("grants", s.grants);
        v("requests", s.requests);
        v("refused", s.refused);
        v("bytes_in", s.bytesIn);
        v("bytes_out", s.bytesOut);
        v("probed_at", s.probedAt);
    }
};

/// The address ("host:port") that a question is about; empty for a question about a tool's call. A
/// tool may have the same name, but its call is bound to a plan.
QString addressOf(const ApprovalInfo& question);
/// Whether a yes to such a question holds for good: as answered, or as asked while it waits.
bool isForGood(const ApprovalInfo& question);
/// The arguments of such a question, and of an answer to it.
QJsonObject addressArguments(const QString& address, bool isForGood);

/// What holds an agent now. With `probe` it is tried anew, which takes about a second; without, the
/// answer tells what was found last.
struct GetContainment
{
    static constexpr auto name = "containment";
    using Reply = ContainmentInfo;
    QString agent;
    bool probe = false;
    template <class S, class V>
    static void fields(S& s, V&& v)
    {
        v("agent", s.agent);
        v("probe", s.probe);
    }
};

/// Takes a standing permission back, from the next request on.
struct RevokeGrant
{
    static constexpr auto name = "revoke_grant";
    using Reply = GrantInfo;
    QString agent;
    QString id;
    QString by;
    template <class S, class V>
    static void fields(S& s, V&& v)
    {
        v("agent", s.agent);
        v("id", s.id);
        v("by", s.by);
    }
};

} // namespace sb::protocol
