#pragma once
#include "core/memory/Index.h"
#include "core/memory/Memories.h"

#include <stop_token>

namespace sb::memory {

/// Keeps an agent's memories in order: draws edges between what is alike, merges what says the
/// same, forgets what has faded. Everything is an entry of its own by "cortex", with its reason,
/// and can be taken back; what somebody took back is not done again. One run at a time.
class Upkeep
{
public:
    // From this similarity on.
    static constexpr double Alike = 0.85;
    static constexpr double Same = 0.95;
    /// What weighs less, and was neither recalled nor changed for so long, is forgotten: an
    /// observation after 36 days, an event after 90, a fact after 430.
    static constexpr double ForgetBelow = 0.05;
    static constexpr std::chrono::days IdleFor{30};

    struct Parts
    {
        Memories& memories;
        Clock& clock;
        /// The memories nearest to one, best first, at most so many; nothing while it has no
        /// vector.
        std::function<std::optional<std::vector<Index::Found>>(const QString& id, int count)>
            nearest;
        int mostLooked = 500;   ///< memories whose neighbours one run looks at
        int mostWeighed = 5000; ///< memories that one run weighs
    };
    explicit Upkeep(Parts parts);

    struct Report
    {
        int looked = 0;
        int weighed = 0;
        int linked = 0;
        int merged = 0;
        int forgotten = 0;
        /// Whether all that there was has been looked at; else the next run goes on.
        bool isDone = true;
        bool operator==(const Report&) const = default;
    };
    /// Blocks: on a pool thread. `process` and `cause` stand in the entries. A run with isDone,
    /// followed by another, changes nothing. Cancelled when told to stop; what was done stays.
    Result<Report>
    run(const std::stop_token& stop, const QString& process = {}, const QString& cause = {});

private:
    [[nodiscard]] Origin origin(const QString& reason) const;
    Result<QStringList> nextToLook();
    Result<> look(const QString& id, Report& report);
    Result<> relate(const QString& id, const std::vector<Index::Found>& found, Report& report);
    Result<> weigh(const std::stop_token& stop, Report& report);
    Result<int> forget(const QStringList& ids, TimeUs now);

    Parts m;
    QString m_process;
    QString m_cause;
    // How far it got: the newest version looked at, and the last id weighed.
    qint64 m_lookedSeq = 0;
    QString m_lookedId;
    QString m_weighedId;
    QStringList m_waiting; ///< those that had no vector yet
};

/// What Upkeep asks an index.
inline std::function<std::optional<std::vector<Index::Found>>(const QString&, int)>
neighboursIn(const Index& index)
{
    return [&index](const QString& id, int count) -> std::optional<std::vector<Index::Found>> {
        const auto vector = index.vectorOf(id);
        if (vector.empty()) {
            return std::nullopt;
        }
        auto found = index.nearest(vector, count + 1);
        std::erase_if(found, [&](const Index::Found& one) { return one.id == id; });
        return found;
    };
}

} // namespace sb::memory
