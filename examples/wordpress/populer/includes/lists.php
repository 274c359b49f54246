<?php
// Lists in pages: what the service has now for readers without the script, in the element that the script keeps moving.

if (!defined('ABSPATH')) {
    exit;
}

const POPULER_FRESH_S = 30;
const POPULER_KEPT_S = 86400;
const POPULER_PAGE_PATIENCE_S = 1;

/** What the service answered, at most half a minute ago; while it is away the last answer of a day; else null. */
function populer_answer(string $address): ?array
{
    $key = 'populer_' . md5($address);
    $fresh = get_transient($key);
    if (is_array($fresh)) {
        return $fresh;
    }
    $last = get_transient($key . '_last');
    $last = is_array($last) ? $last : null;
    if (get_transient('populer_away')) {
        return $last;
    }
    $response = wp_remote_get($address, ['timeout' => POPULER_PAGE_PATIENCE_S, 'redirection' => 0]);
    $found = null;
    if (!is_wp_error($response) && wp_remote_retrieve_response_code($response) === 200) {
        $found = json_decode(wp_remote_retrieve_body($response), true);
    }
    if (!is_array($found) || !isset($found['items']) || !is_array($found['items'])) {
        set_transient('populer_away', 1, POPULER_FRESH_S);  // the next pages need not wait for it
        return $last;
    }
    set_transient($key, $found, POPULER_FRESH_S);
    set_transient($key . '_last', $found, POPULER_KEPT_S);
    return $found;
}

/** What a list can be told, in a shortcode, a widget or a block. */
const POPULER_LIST_ATTRIBUTES = ['list' => '', 'limit' => '', 'section' => '', 'theme' => '', 'heading' => '', 'live' => ''];

/** A list's element, with the rows that the service has now in it. */
function populer_list($given = []): string
{
    $asked = shortcode_atts(POPULER_LIST_ATTRIBUTES, is_array($given) ? $given : [], 'populer');
    // The editors write `&amp;` into shortcodes and blocks, where a section's name has `&`.
    $asked = array_map(static fn($value) => html_entity_decode((string) $value, ENT_QUOTES | ENT_HTML5, 'UTF-8'), $asked);
    $asked['list'] = $asked['list'] !== '' ? $asked['list'] : populer_setting('list');
    $limit = max(1, min(100, (int) $asked['limit'] ?: ((int) populer_setting('limit') ?: 7)));
    $attributes = ['list' => $asked['list'], 'limit' => (string) $limit, 'section' => $asked['section'],
        'theme' => $asked['theme'], 'heading' => $asked['heading'], 'site' => populer_setting('site')];
    $html = '<populer-list' . ($asked['live'] !== '' ? ' live' : '');
    foreach ($attributes as $name => $value) {
        $html .= $value === '' ? '' : ' ' . $name . '="' . esc_attr($value) . '"';
    }
    // One more than is shown: every page of the site asks for the same, and leaves its own article out here.
    $query = ['limit' => (string) ($limit + 1), 'section' => $asked['section']];
    $answer = populer_answer(populer_address('/v1/lists/' . rawurlencode($asked['list']), $query));
    return $html . '>' . ($answer === null ? '' : populer_markup($answer, $asked, $limit)) . '</populer-list>';
}

/** A text of an answer, whatever the answer is. */
function populer_text(array $from, string $name): string
{
    return is_scalar($from[$name] ?? null) ? (string) $from[$name] : '';
}

/** The markup that the service and the script make too. */
function populer_markup(array $answer, array $asked, int $limit): string
{
    static $number = 0;
    $id = 'populer-' . ++$number;
    $open = populer_item();
    $rows = '';
    foreach ($answer['items'] as $item) {
        if ($limit === 0 || !is_array($item) || populer_text($item, 'id') === $open) {
            continue;
        }
        $limit--;
        $url = esc_url(populer_text($item, 'url'), ['http', 'https']);
        $label = populer_text($item, 'published_label');
        $rows .= '<li class="populer-item" data-id="' . esc_attr(populer_text($item, 'id')) . '">'
            . '<a class="populer-link"' . ($url === '' ? '' : ' href="' . $url . '"') . '>'
            . esc_html(populer_text($item, 'title')) . '</a>';
        if ($label !== '') {
            $at = is_numeric($item['published_at'] ?? null) ? gmdate('Y-m-d\TH:i:s\Z', (int) $item['published_at']) : '';
            $rows .= '<time class="populer-time"' . ($at === '' ? '' : ' datetime="' . esc_attr($at) . '"') . '>'
                . esc_html($label) . '</time>';
        }
        $rows .= '</li>';
    }
    if ($rows === '') {
        return '';
    }
    $heading = $asked['heading'] !== '' ? $asked['heading'] : populer_text($answer, 'title');
    $all = populer_address('/lists/' . rawurlencode($asked['list']), ['section' => $asked['section']]);
    return '<section class="populer-box" aria-labelledby="' . esc_attr($id) . '">'
        . '<h2 class="populer-heading" id="' . esc_attr($id) . '">' . esc_html($heading) . '</h2>'
        . '<ol class="populer-rows" role="list">' . $rows . '</ol>'
        . '<a class="populer-more" href="' . esc_url($all, ['http', 'https']) . '">'
        . esc_html(populer_text($answer, 'more_label') ?: 'Selengkapnya') . '</a></section>';
}
