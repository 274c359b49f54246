<?php
/**
 * Plugin Name: Populer
 * Description: Counts what readers open, and shows the popular, trending and latest lists of a Populer service.
 * Version: 1.0
 * License: Apache-2.0
 * Requires at least: 6.0
 * Requires PHP: 7.4
 *
 * Copy this file to wp-content/mu-plugins, and write into wp-config.php:
 *
 *     define('POPULER_URL', 'https://populer.example');
 *     define('POPULER_KEY', '...');   // the site's write key; without it the service is told of no articles
 *     define('POPULER_SITE', '');     // its id, where the service has several
 *     define('POPULER_PAGE_KEY', '...');  // the site's page key, where its pages are not cached; see docs/embedding.md
 *
 * Then: [populer list="populer" limit="7"], the widget "Populer", or <?php echo populer_list(['list' => 'update']); ?>.
 */

if (!defined('ABSPATH')) {
    exit;
}

const POPULER_FRESH_S = 30;
const POPULER_KEPT_S = 86400;
const POPULER_PATIENCE_S = 1;

/** The address of something the service has. */
function populer_address(string $path, array $query = []): string
{
    if (defined('POPULER_SITE') && POPULER_SITE !== '') {
        $query['site'] = POPULER_SITE;
    }
    $query = array_filter($query, static fn($value) => $value !== '' && $value !== null);
    return rtrim(POPULER_URL, '/') . $path . ($query ? '?' . http_build_query($query) : '');
}

/** The id under which the open article counts; empty on a page that is none. */
function populer_item(): string
{
    return is_singular('post') && !is_preview() ? (string) get_queried_object_id() : '';
}

/** A page token: this server's word for one view of a page that it makes now. */
function populer_token(string $item, string $key): string
{
    $signed = intdiv(time(), 3600) . '.' . bin2hex(random_bytes(16));
    $mac = substr(hash_hmac('sha256', "$signed.$item", $key, true), 0, 16);
    return $signed . '.' . rtrim(strtr(base64_encode($mac), '+/', '-_'), '=');
}

/** The script that counts and keeps lists moving. An empty data-item says that the page is no article. */
function populer_script(): void
{
    $site = defined('POPULER_SITE') && POPULER_SITE !== '' ? ['data-site' => POPULER_SITE] : [];
    $src = rtrim(POPULER_URL, '/') . '/populer.js';
    $item = populer_item();
    $token = defined('POPULER_PAGE_KEY') && $item !== '' ? ['data-token' => populer_token($item, POPULER_PAGE_KEY)] : [];
    wp_print_script_tag(['src' => $src, 'async' => true, 'data-item' => $item] + $site + $token);
}

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
    $response = wp_remote_get($address, ['timeout' => POPULER_PATIENCE_S, 'redirection' => 0]);
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

/** A list: what the service has now for those without the script, in the element that the script keeps moving. */
function populer_list($given = []): string
{
    $asked = shortcode_atts(
        ['list' => 'populer', 'limit' => '7', 'section' => '', 'theme' => '', 'heading' => '', 'live' => ''],
        is_array($given) ? $given : [],
        'populer'
    );
    $limit = max(1, min(100, (int) $asked['limit'] ?: 7));
    $attributes = ['list' => $asked['list'], 'limit' => (string) $limit, 'section' => $asked['section'],
        'theme' => $asked['theme'], 'heading' => $asked['heading'],
        'site' => defined('POPULER_SITE') ? POPULER_SITE : ''];
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

/**
 * Tell the service of an article: that it is published, or that it is no longer (with `$post` null). Not waited for.
 * One that was withdrawn is shown again only if it is published anew (`$anew`), and not by every change of it.
 */
function populer_tell(int $id, ?WP_Post $post, bool $anew = false): void
{
    if (!defined('POPULER_KEY')) {
        return;
    }
    $request = [
        'method' => $post === null ? 'DELETE' : 'PUT',
        'timeout' => POPULER_PATIENCE_S,
        'blocking' => false,
        'headers' => ['Authorization' => 'Bearer ' . POPULER_KEY, 'Content-Type' => 'application/json'],
    ];
    if ($post !== null) {
        $sections = get_the_category($id);
        $article = array_filter([
            'id' => (string) $id,
            'title' => html_entity_decode(wp_strip_all_tags(get_the_title($post)), ENT_QUOTES, 'UTF-8'),
            'url' => get_permalink($post),
            'section' => $sections ? $sections[0]->name : null,
            'published_at' => (int) get_post_time('U', true, $post),
            'image' => get_the_post_thumbnail_url($post, 'medium') ?: null,
        ], static fn($value) => $value !== null);
        $request['body'] = wp_json_encode($anew ? $article : [$article]);
    }
    $one = $anew || $post === null ? '/' . rawurlencode((string) $id) : '';
    wp_remote_request(populer_address('/v1/items' . $one), $request);
}

/** An article was saved, with its sections and its image. */
function populer_saved(int $id, WP_Post $post, bool $update = false, ?WP_Post $before = null): void
{
    if ($post->post_type !== 'post') {
        return;
    }
    if ($post->post_status === 'publish' && $post->post_password === '') {
        populer_tell($id, $post, $before === null || $before->post_status !== 'publish');
    } elseif ($before !== null && $before->post_status === 'publish') {
        populer_tell($id, null);
    }
}

/** An article is deleted without having been in the trash. */
function populer_deleted(int $id, WP_Post $post): void
{
    if ($post->post_type === 'post' && $post->post_status === 'publish') {
        populer_tell($id, null);
    }
}

/** A list in a sidebar. */
class Populer_Widget extends WP_Widget
{
    public function __construct()
    {
        parent::__construct('populer', 'Populer');
    }

    public function widget($args, $instance)
    {
        echo $args['before_widget'] ?? '', populer_list($instance), $args['after_widget'] ?? '';
    }

    public function form($instance)
    {
        foreach (['list' => 'populer', 'limit' => '7', 'section' => '', 'theme' => ''] as $name => $usual) {
            printf(
                '<p><label>%1$s <input class="widefat" name="%2$s" value="%3$s"></label></p>',
                esc_html($name),
                esc_attr($this->get_field_name($name)),
                esc_attr((string) ($instance[$name] ?? $usual))
            );
        }
        return '';
    }

    public function update($new_instance, $old_instance)
    {
        return array_map('sanitize_text_field', $new_instance);
    }
}

if (defined('POPULER_URL')) {
    add_action('wp_head', 'populer_script');
    add_shortcode('populer', 'populer_list');
    add_action('wp_after_insert_post', 'populer_saved', 10, 4);
    add_action('before_delete_post', 'populer_deleted', 10, 2);
    add_action('widgets_init', static function (): void {
        register_widget('Populer_Widget');
    });
}
