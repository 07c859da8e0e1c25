#pragma once
#include <QString>
#include <QStringList>
#include <array>
#include <initializer_list>
#include <optional>

namespace sb::taint {

/// What is to be known of where a value comes from.
enum class Label { ExternalNetwork, UserInput, Pii, Secret, UntrustedAgent, UntrustedFile };

inline constexpr std::array allLabels{Label::ExternalNetwork,
                                      Label::UserInput,
                                      Label::Pii,
                                      Label::Secret,
                                      Label::UntrustedAgent,
                                      Label::UntrustedFile};

/// As in signalbox.yaml and the journal: "external_network".
QString labelName(Label label);
std::optional<Label> labelFromName(QStringView name);

/// A set of labels: a lattice under union, with the empty set at its bottom.
class Labels
{
public:
    constexpr Labels() = default;
    constexpr Labels(std::initializer_list<Label> labels)
    {
        for (const Label label : labels) {
            m_bits |= bit(label);
        }
    }
    [[nodiscard]] constexpr bool has(Label label) const { return (m_bits & bit(label)) != 0; }
    [[nodiscard]] constexpr bool isEmpty() const { return m_bits == 0; }
    /// Whether all of the other's labels are here too.
    [[nodiscard]] constexpr bool contains(Labels other) const
    {
        return (other.m_bits & ~m_bits) == 0;
    }
    [[nodiscard]] constexpr Labels without(Labels other) const
    {
        return Labels(quint8(m_bits & ~other.m_bits));
    }
    /// The join.
    constexpr Labels operator|(Labels other) const { return Labels(quint8(m_bits | other.m_bits)); }
    /// The meet.
    constexpr Labels operator&(Labels other) const { return Labels(quint8(m_bits & other.m_bits)); }
    constexpr Labels& operator|=(Labels other) { return *this = *this | other; }
    constexpr bool operator==(const Labels&) const = default;

    [[nodiscard]] QStringList names() const;
    /// Names that it does not know are left out.
    static Labels fromNames(const QStringList& names);

private:
    constexpr explicit Labels(quint8 bits) : m_bits(bits) {}
    static constexpr quint8 bit(Label label) { return quint8(1U << unsigned(label)); }
    quint8 m_bits = 0;
};

/// Where a value can do harm.
enum class Sink { Shell, Network, Message, FileOutside, Memory };

inline constexpr std::array allSinks{
    Sink::Shell, Sink::Network, Sink::Message, Sink::FileOutside, Sink::Memory};

/// "shell", "network", "message", "file_outside", "memory".
QString sinkName(Sink sink);
std::optional<Sink> sinkFromName(QStringView name);

} // namespace sb::taint
