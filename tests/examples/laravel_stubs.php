<?php
// Stands in for Laravel around examples/laravel: the facades it uses, and of Blade {{ }}, {!! !!}, @if and comments.
// Each line on stdin has a component's arguments; it is answered with a line.

namespace Illuminate\Contracts\View {
    interface View
    {
    }
}

namespace Illuminate\View {
    abstract class Component
    {
    }
}

namespace Illuminate\Support\Facades {
    class Cache
    {
        public static array $kept = [];

        public static function get(string $key, $otherwise = null)
        {
            return self::$kept[$key] ?? $otherwise;
        }

        public static function has(string $key): bool
        {
            return isset(self::$kept[$key]);
        }

        public static function put(string $key, $value, int $seconds): void
        {
            self::$kept[$key] = $value;
        }
    }

    class Http
    {
        public static int $asked = 0;
        private int $seconds;
        private string $body;
        private array $headers;

        public static function timeout(int $seconds): self
        {
            $made = new self();
            $made->seconds = $seconds;
            return $made;
        }

        public function get(string $address, array $query): self
        {
            self::$asked++;
            $context = stream_context_create(['http' => ['timeout' => $this->seconds, 'ignore_errors' => true]]);
            $body = @file_get_contents($address . '?' . http_build_query($query), false, $context);
            if ($body === false) {
                throw new \RuntimeException('connection refused');
            }
            $this->body = $body;
            $this->headers = $http_response_header;
            return $this;
        }

        public function status(): int
        {
            return (int) explode(' ', $this->headers[0])[1];
        }

        public function header(string $name): string
        {
            foreach ($this->headers as $line) {
                if (stripos($line, "$name: ") === 0) {
                    return substr($line, strlen($name) + 2);
                }
            }
            return '';
        }

        public function body(): string
        {
            return $this->body;
        }
    }
}

namespace {
    use Illuminate\Support\Facades\Cache;
    use Illuminate\Support\Facades\Http;

    error_reporting(E_ALL);

    class Rendered implements Illuminate\Contracts\View\View
    {
        public function __construct(public string $html)
        {
        }
    }

    function config(string $name): string
    {
        $values = ['services.populer.url' => 'POPULER_TEST_URL', 'services.populer.page_key' => 'POPULER_TEST_PAGE_KEY'];
        return isset($values[$name]) ? (string) getenv($values[$name]) : '';
    }

    function e($text): string
    {
        return htmlspecialchars((string) $text, ENT_QUOTES, 'UTF-8');
    }

    function blade(string $name, array $given): string
    {
        $text = file_get_contents(getenv('POPULER_TEST_FOLDER') . "/$name.blade.php");
        $text = preg_replace('~\{\{--.*?--\}\}\n?~s', '', $text);
        $text = preg_replace('~\{\{ (.*?) \}\}~', '<?= e($1) ?>', $text);
        $text = preg_replace('~\{!! (.*?) !!\}~', '<?= $1 ?>', $text);
        $text = preg_replace('~@if \((.*?)\) ~', '<?php if ($1): ?>', $text);
        $text = str_replace('@endif', '<?php endif ?>', $text);
        extract($given);
        ob_start();
        eval('?>' . $text);
        return ob_get_clean();
    }

    $component = null;

    function view(string $name, array $given): Rendered
    {
        return new Rendered(blade(substr($name, strlen('components.')), get_object_vars($GLOBALS['component']) + $given));
    }

    require getenv('POPULER_TEST_FOLDER') . '/PopulerList.php';
    require getenv('POPULER_TEST_FOLDER') . '/PopulerToken.php';

    while (($line = fgets(STDIN)) !== false) {
        $asked = json_decode($line, true);
        if ($asked['forget'] ?? false) {
            Cache::$kept = array_filter(
                Cache::$kept, fn ($key) => str_ends_with($key, ':last'), ARRAY_FILTER_USE_KEY
            );
        }
        Http::$asked = 0;
        if (isset($asked['script'])) {
            $html = blade('populer-script', $asked['script']);
        } else {
            $component = new App\View\Components\PopulerList(...$asked['list']);
            $html = $component->render()->html;
        }
        echo json_encode(['html' => $html, 'asked' => Http::$asked]), "\n";
    }
}
