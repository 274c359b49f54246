<?php
// Stands in for WordPress around examples/wordpress/populer.php: what a page asks of it, told on stdin as JSON lines.
// Each line {"do": ..., ...} is answered with a line. The escaping functions do what WordPress' own do to these inputs.

error_reporting(E_ALL);
set_error_handler(static function (int $number, string $text): bool {
    if (error_reporting() & $number) {
        throw new ErrorException($text, 0, $number);
    }
    return true;
});

define('ABSPATH', '/');
define('POPULER_URL', getenv('POPULER_TEST_URL'));
define('POPULER_KEY', getenv('POPULER_TEST_KEY'));

$hooks = $shortcodes = $transients = $remote = [];
$page = ['item' => 0, 'preview' => false];

class WP_Post
{
    public int $ID = 0;
    public string $post_type = 'post';
    public string $post_status = 'publish';
    public string $post_password = '';
    public string $post_title = '';
}

class WP_Error
{
}

class WP_Widget
{
    public function __construct(string $id, string $name)
    {
    }

    public function get_field_name(string $name): string
    {
        return "widget[$name]";
    }
}

function add_action(string $hook, callable $run, int $priority = 10, int $arguments = 1): void
{
    $GLOBALS['hooks'][$hook][] = [$run, $arguments];
}

function fire(string $hook, ...$given): void
{
    foreach ($GLOBALS['hooks'][$hook] ?? [] as [$run, $arguments]) {
        $run(...array_slice($given, 0, $arguments));
    }
}

function add_shortcode(string $name, callable $run): void
{
    $GLOBALS['shortcodes'][$name] = $run;
}

function register_widget(string $class): void
{
    $GLOBALS['widget'] = new $class();
}

function shortcode_atts(array $usual, array $given, string $name): array
{
    return array_merge($usual, array_intersect_key($given, $usual));
}

function is_singular(string $type): bool
{
    return $GLOBALS['page']['item'] !== 0;
}

function is_preview(): bool
{
    return $GLOBALS['page']['preview'];
}

function get_queried_object_id(): int
{
    return $GLOBALS['page']['item'];
}

function esc_html(string $text): string
{
    return htmlspecialchars($text, ENT_QUOTES, 'UTF-8');
}

function esc_attr(string $text): string
{
    return htmlspecialchars($text, ENT_QUOTES, 'UTF-8');
}

function esc_url(string $url, array $protocols): string
{
    $found = preg_match('~^([a-z][a-z0-9+.-]*):~i', trim($url), $scheme);
    return !$found || in_array(strtolower($scheme[1]), $protocols, true) ? esc_attr(trim($url)) : '';
}

function sanitize_text_field(string $text): string
{
    return trim(strip_tags($text));
}

function wp_strip_all_tags(string $text): string
{
    return trim(strip_tags($text));
}

function wp_print_script_tag(array $attributes): void
{
    echo '<script';
    foreach ($attributes as $name => $value) {
        echo $value === true ? " $name" : " $name=\"" . esc_attr($value) . '"';
    }
    echo '></script>';
}

function get_transient(string $key)
{
    return $GLOBALS['transients'][$key] ?? false;
}

function set_transient(string $key, $value, int $seconds): void
{
    $GLOBALS['transients'][$key] = $value;
}

function wp_remote_get(string $address, array $given)
{
    return wp_remote_request($address, ['method' => 'GET'] + $given);
}

function wp_remote_request(string $address, array $given)
{
    $GLOBALS['remote'][] = $given['method'];
    $headers = '';
    foreach ($given['headers'] ?? [] as $name => $value) {
        $headers .= "$name: $value\r\n";
    }
    $context = stream_context_create(['http' => ['method' => $given['method'], 'header' => $headers,
        'content' => $given['body'] ?? '', 'timeout' => $given['timeout'], 'ignore_errors' => true]]);
    $body = @file_get_contents($address, false, $context);
    if ($body === false || !preg_match('~^HTTP/\S+ (\d+)~', $http_response_header[0] ?? '', $status)) {
        return new WP_Error();
    }
    return ['code' => (int) $status[1], 'body' => $body];
}

function is_wp_error($given): bool
{
    return $given instanceof WP_Error;
}

function wp_remote_retrieve_response_code(array $response): int
{
    return $response['code'];
}

function wp_remote_retrieve_body(array $response): string
{
    return $response['body'];
}

function wp_json_encode($value): string
{
    return json_encode($value);
}

function get_the_category(int $id): array
{
    return [(object) ['name' => 'Ekonomi']];
}

function get_the_title(WP_Post $post): string
{
    return $post->post_title;
}

function get_permalink(WP_Post $post): string
{
    return "https://news.example/?p=$post->ID";
}

function get_post_time(string $form, bool $gmt, WP_Post $post): string
{
    return '1764530940';
}

function get_the_post_thumbnail_url(WP_Post $post, string $size)
{
    return false;
}

require getenv('POPULER_TEST_FILE');
fire('widgets_init');

while (($line = fgets(STDIN)) !== false) {
    $asked = json_decode($line, true);
    $page = ['item' => $asked['item'] ?? 0, 'preview' => $asked['preview'] ?? false];
    if ($asked['forget'] ?? false) {
        $transients = array_filter($transients, static fn($key) => substr($key, -5) === '_last', ARRAY_FILTER_USE_KEY);
    }
    $remote = [];
    ob_start();
    switch ($asked['do']) {
        case 'head':
            fire('wp_head');
            break;
        case 'shortcode':
            echo $shortcodes['populer']($asked['attributes'] ?? '');
            break;
        case 'widget':
            $widget->widget(['before_widget' => '<aside>', 'after_widget' => '</aside>'], $asked['attributes']);
            break;
        case 'form':
            $widget->form($asked['attributes']);
            break;
        case 'save':
            $posts = array_map(static function (array $given): WP_Post {
                $post = new WP_Post();
                foreach ($given as $name => $value) {
                    $post->$name = $value;
                }
                return $post;
            }, $asked['posts']);
            fire('wp_after_insert_post', $posts[0]->ID, $posts[0], count($posts) > 1, $posts[1] ?? null);
            break;
    }
    echo json_encode(['html' => ob_get_clean(), 'remote' => $remote]), "\n";
}
