<?php
// What the service is told of an article.

if (!defined('ABSPATH')) {
    exit;
}

/** The address under which a post was described last; POPULER_DOWN once it was taken down. */
const POPULER_TOLD = '_populer_told';
const POPULER_DOWN = 'down';

/** Whether readers can open a post without a password, and it is an article. */
function populer_is_listed(?WP_Post $post): bool
{
    return $post !== null && $post->post_status === 'publish' && $post->post_password === ''
        && in_array($post->post_type, populer_post_types(), true);
}

/** A text that WordPress keeps as HTML, as it is read. */
function populer_plain(string $html): string
{
    return trim(html_entity_decode(wp_strip_all_tags($html), ENT_QUOTES | ENT_HTML5, 'UTF-8'));
}

/** Epoch seconds; null where WordPress has no date, which it keeps as 0000-00-00. */
function populer_time($seconds): ?int
{
    return (int) $seconds > 0 ? (int) $seconds : null;
}

/** The description of an article: all fields, so that one that was taken away is taken away there, too. */
function populer_article(WP_Post $post): array
{
    $summary = populer_plain($post->post_excerpt);
    $author = populer_plain((string) get_the_author_meta('display_name', (int) $post->post_author));
    return apply_filters('populer_article', [
        'id' => (string) $post->ID,
        'title' => populer_plain(get_the_title($post)),
        'url' => get_permalink($post),
        'sections' => populer_term_names($post, true),
        'tags' => populer_term_names($post, false),
        'authors' => $author === '' ? [] : [$author],
        'type' => $post->post_type,
        'published_at' => populer_time(get_post_time('U', true, $post)),
        'modified_at' => populer_time(get_post_modified_time('U', true, $post)),
        'summary' => $summary === '' ? null : $summary,
        'image' => populer_image($post),
    ], $post);
}

/** The names of a post's terms: of taxonomies that are trees, such as categories, or of the others, such as tags. */
function populer_term_names(WP_Post $post, bool $trees): array
{
    $names = [];
    foreach (get_object_taxonomies($post, 'objects') as $taxonomy) {
        if (!$taxonomy->public || $taxonomy->hierarchical !== $trees || $taxonomy->name === 'post_format') {
            continue;
        }
        $terms = get_the_terms($post, $taxonomy->name);
        foreach (is_array($terms) ? $terms : [] as $term) {
            $names[] = populer_plain($term->name);
        }
    }
    return array_values(array_unique(array_filter($names, static fn(string $name): bool => $name !== '')));
}

/** The picture of a post: its address, size and alternative text; null: it has none. */
function populer_image(WP_Post $post): ?array
{
    $id = (int) get_post_thumbnail_id($post);
    $found = $id ? wp_get_attachment_image_src($id, 'medium') : false;
    if (!$found) {
        return null;
    }
    $alt = populer_plain((string) get_post_meta($id, '_wp_attachment_image_alt', true));
    return array_filter(['url' => $found[0], 'width' => (int) $found[1], 'height' => (int) $found[2], 'alt' => $alt]);
}
